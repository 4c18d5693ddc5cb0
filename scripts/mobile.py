"""Turn a checkpoint into files for phones, each run by its own runtime and compared: build/mobile/.

make mobile                                ExecuTorch, PyTorch Mobile and ONNX; fp32 and int8
make mobile FORMAT=pte PRECISION=int8      what most apps want
make mobile ARCH=… WEIGHTS=…               yours: whatever `make export` takes
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from kit.console import command, err, out, print_json, shown_path, table
from kit.mobile.formats.choice import targets
from kit.model.source.request import Request
from scripts import options

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

COLUMNS = ("format", "precision", "input", "top-1", "agreement", "file", "latency, ms")


@app.command()
def mobile(
    format_name: Annotated[
        str, typer.Option("--format", envvar="FORMAT", help="pte (ExecuTorch), ptl (PyTorch Mobile), onnx, or all.")
    ] = "",
    precision: Annotated[str, typer.Option(envvar="PRECISION", help="fp32 or int8; default: both.")] = "",
    arch: options.Arch = "",
    weights: options.Weights = "",
    weights_key: options.WeightsKey = "",
    multilabel: options.Multilabel = "",
    labels: options.Labels = "",
    preprocessing: options.Preprocessing = "",
    pictures: options.Pictures = "",
    model_name: options.ModelName = "",
    calibration: options.Calibration = "",
    max_accuracy_drop: options.MaxAccuracyDrop = "",
    min_agreement: options.MinAgreement = "",
    repeats: Annotated[int, typer.Option(envvar="REPEATS", min=1, help="Measurements of each latency.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="Print comparison.json.")] = False,
) -> None:
    """Make files for phones, run each with its own runtime, and write them only if all answer like the original."""
    asked = targets(format_name, precision)
    request = Request(
        arch=arch,
        weights=weights,
        weights_key=weights_key,
        multilabel=multilabel,
        labels=labels,
        preprocessing=preprocessing,
        pictures=pictures,
        model_name=model_name,
        calibration=calibration,
        precision=precision,
        max_accuracy_drop=max_accuracy_drop,
        min_agreement=min_agreement,
    )
    request.check()
    from kit.mobile.run import mobile as run  # torch takes seconds to import; help and wrong use need not wait

    done = run(request, asked, repeats)
    for note in done.notes:
        err.print(f"[yellow]note:[/yellow] {escape(note)}")
    if as_json:
        print_json(done.report)
    else:
        show(done.report)
    err.print(f"[dim]·[/dim] {escape(shown_path(done.folder))}: a folder for each format and precision")


def show(report: dict[str, Any]) -> None:
    shown = table(*COLUMNS, right=COLUMNS[3:])
    for row in report["files"]:
        shown.add_row(*cells(row))
    out.print(shown)
    out.print(
        f"top-1 and agreement with the original network on {report['files'][0]['pictures']} pictures; latency of one "
        f"picture with one thread\non this machine, the median of {report['repeats']} repeats (lowest-highest)"
    )


def cells(row: dict[str, Any]) -> list[str]:
    latency = row["latency"]
    return [
        row["format"],
        row["precision"],
        row["input"],
        "-" if row["accuracy"] is None else f"{row['accuracy']:.1%}",
        f"{row['agreement']:.1%}",
        f"{row['size'] / 1e6:.1f} MB",
        f"{latency['median']:.1f} ({latency['low']:.1f}-{latency['high']:.1f})",
    ]


if __name__ == "__main__":
    command(app)
