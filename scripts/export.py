"""Turn a checkpoint into a file that is checked against the original: build/<profile>/model.pt or model.onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from common.words import count
from kit import profiles
from kit.console import command, err, facts, print_json, shown_path, step
from kit.machine import detect
from kit.model import runtimes
from kit.model.precision.precisions import ONNX_ENGINE
from kit.model.source.request import Request
from scripts import options

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def export(
    profile: options.Profile = "",
    arch: options.Arch = "",
    weights: options.Weights = "",
    weights_key: options.WeightsKey = "",
    multilabel: options.Multilabel = "",
    labels: options.Labels = "",
    pictures: options.Pictures = "",
    preprocessing: options.Preprocessing = "",
    model_name: options.ModelName = "",
    precision: Annotated[
        str, typer.Option(envvar="PRECISION", help="fp32, bf16, fp16, int8 or auto; default: the profile's.")
    ] = "",
    runtime: options.Runtime = "",
    platform: Annotated[
        str,
        typer.Option(envvar="PLATFORM", help="Whose int8: linux_x86_64 or linux_aarch64; default: this machine's."),
    ] = "",
    calibration: options.Calibration = "",
    max_accuracy_drop: options.MaxAccuracyDrop = "",
    min_agreement: options.MinAgreement = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="Print the report as JSON.")] = False,
) -> None:
    """Export a network, compare it with the original on real pictures, and write it only if it is as good."""
    chosen = profiles.choose(profile, detect()).of_model(model_name)
    step(f"profile {chosen.name}: {chosen.reason}")
    request = Request(
        arch=arch,
        weights=weights,
        labels=labels,
        preprocessing=preprocessing,
        pictures=pictures,
        model_name=model_name,
        calibration=calibration,
        precision=precision,
        runtime=runtime,
        platform=platform,
        max_accuracy_drop=max_accuracy_drop,
        min_agreement=min_agreement,
        weights_key=weights_key,
        multilabel=multilabel,
    )
    request.check()
    from kit.model.export import export as run  # torch takes seconds to import; help and wrong use need not wait

    done = run(chosen, request)
    for note in done.notes:
        err.print(f"[yellow]note:[/yellow] {escape(note)}")
    if as_json:
        print_json(done.report)
    else:
        show(done.report, chosen.build.model(done.report["model"]["file"]))


def show(report: dict[str, Any], file: Path) -> None:
    measured = report["comparison"]
    rows = {
        "exported": shown_path(file),
        "model": f"{report['model_name']} ({report['architecture']}, {count(report['classes'], 'class')})",
        "weights": report["weights"]["source"],
        "precision": report["precision"] + quantized(report["quantization"]),
        "parameters": f"{report['parameters'] / 1e6:.1f} million",
        "size": f"{report['model']['size'] / 1e6:.1f} MB",
        "agreement": f"{measured['top1_agreement']:.1%} same first answer on {count(measured['pictures'], 'picture')}",
        "difference": f"{measured['largest_difference']:.2g} at most, of a probability",
    }
    if measured["labelled"]:
        rows["accuracy"] = f"top-1 {measured['top1_accuracy']:.1%}, top-5 {measured['top5_accuracy']:.1%}"
        if drop := measured["top1_accuracy_drop"]:
            rows["accuracy"] += f"; top-1 is {abs(drop):.1f} points {'below' if drop > 0 else 'above'} the original's"
    facts(rows)


def quantized(how: dict[str, Any] | None) -> str:
    if not how:
        return ""
    first, *others = how["layers_in_float"]
    in_float = f"{first} and {len(others)} more" if others else first
    engine = runtimes.TITLES[runtimes.ONNX] if how["engine"] == ONNX_ENGINE else how["engine"]
    return f" for {engine}, calibrated on {count(how['pictures'], 'picture')}; in float: {in_float}"


if __name__ == "__main__":
    command(app)
