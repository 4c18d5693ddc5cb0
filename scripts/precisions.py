"""Compare the precisions of a model on this machine: accuracy, speed, size and memory.

make precisions                        the embedded model
make precisions ARCH=… WEIGHTS=…       yours: whatever `make export` takes

Everything else that runs on the machine disturbs it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from kit import profiles
from kit.console import command, err, out, print_json, shown_path, step, table
from kit.files import replacing, write_json
from kit.machine import detect
from kit.model.source.request import Request
from scripts import options

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

COLUMNS = ("precision", "top-1", "agreement", "latency, ms", "images/s", "file", "memory")


@app.command()
def precisions(
    profile: options.Profile = "",
    max_accuracy_drop: options.MaxAccuracyDrop = "",
    min_agreement: options.MinAgreement = "",
    repeats: Annotated[int, typer.Option(envvar="REPEATS", min=1, help="Measurements of each figure.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="Print precisions.json.")] = False,
) -> None:
    """Export in every precision this machine can run, measure each, and draw accuracy against speed."""
    machine = detect()
    chosen = profiles.choose(profile, machine)
    step(f"profile {chosen.name}: {chosen.reason}")
    limits = Request(max_accuracy_drop=max_accuracy_drop, min_agreement=min_agreement).limits()
    from kit.precisions.comparing import compare
    from kit.precisions.picture import draw  # matplotlib takes a second to import, --help should not

    with tempfile.TemporaryDirectory(prefix="precisions.") as folder:
        document = compare(chosen, machine, repeats, Path(folder))
    written = chosen.build.folder / "precisions.json"
    drawn = written.with_suffix(".png")
    write_json(written, document)
    with replacing(drawn) as temporary:
        draw(document, *limits, temporary)
    if as_json:
        print_json(document)
    else:
        show(document)
    err.print(f"[dim]·[/dim] {escape(shown_path(written))}, {escape(shown_path(drawn))}")


def show(document: dict[str, Any]) -> None:
    shown = table(*COLUMNS, right=COLUMNS[1:])
    for row in document["precisions"]:
        if not row["left_out"]:
            shown.add_row(*cells(row))
    out.print(shown)
    out.print(
        f"latency of one picture with one thread; images/s and memory (PSS) a process with {document['processes']} "
        f"processes of one thread;\nmedians of {document['repeats']} repeats (lowest-highest); the model alone, "
        "no decoding and no server"
    )
    for row in document["precisions"]:
        if row["left_out"]:
            out.print(f"{row['precision']}: left out: {escape(row['left_out'])}")


def cells(row: dict[str, Any]) -> list[str]:
    latency, speed = row["latency"], row["images_per_second"]
    return [
        row["precision"],
        "-" if row["accuracy"] is None else f"{row['accuracy']:.1%}",
        f"{row['agreement']:.1%}",
        f"{latency['median']:.1f} ({latency['low']:.1f}-{latency['high']:.1f})",
        f"{speed['median']:.0f} ({speed['low']:.0f}-{speed['high']:.0f})",
        f"{row['size'] / 1e6:.1f} MB",
        f"{row['memory'] / 1e6:.0f} MB",
    ]


if __name__ == "__main__":
    command(app)
