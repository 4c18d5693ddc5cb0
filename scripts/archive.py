"""Pack an export into a .mar for TorchServe and check what was packed: build/<profile>/<model>.mar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from common.words import count
from kit import profiles
from kit.console import command, facts, print_json, shown_path, step
from kit.machine import detect
from kit.model import runtimes
from scripts import options

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def archive(
    profile: options.Profile = "",
    model_name: Annotated[
        str, typer.Option(envvar="MODEL_NAME", help="The exported model's name; default: what export called it.")
    ] = "",
    model_version: Annotated[
        str, typer.Option(envvar="MODEL_VERSION", help="TorchServe's version of the model; default: 1.0.")
    ] = "",
    precision: Annotated[
        str, typer.Option(envvar="PRECISION", help="The precision it was exported in, if not the profile's.")
    ] = "",
    runtime: options.Runtime = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="Print archive.json.")] = False,
) -> None:
    """Pack model, handler, labels and settings; the same inputs always give the same bytes."""
    chosen = profiles.choose(profile, detect()).of_model(model_name)
    step(f"profile {chosen.name}: {chosen.reason}")
    from kit.archive.making import archive as run  # torch takes seconds to import, --help should not

    made = run(chosen, model_name, model_version or "1.0", precision=precision, runtime=runtime)
    if as_json:
        print_json(made)
    else:
        show(made, chosen.build.folder / made["file"])


def show(made: dict[str, Any], file: Path) -> None:
    provenance = made["provenance"]
    measured, runtime = provenance["measured"], provenance["runtime"]
    runs = "" if runtime == runtimes.TORCH else f" for {runtimes.TITLES[runtime]}"
    rows = {
        "archived": shown_path(file),
        "model": f"{made['model_name']} {made['model_version']} ({provenance['precision']}{runs})",
        "size": f"{made['size'] / 1e6:.1f} MB",
        "sha256": made["sha256"],
        "agreement": f"{measured['top1_agreement']:.1%} same first answer on {count(measured['pictures'], 'picture')}",
    }
    if measured["top1_accuracy"] is not None:
        rows["accuracy"] = f"top-1 {measured['top1_accuracy']:.1%}"
    facts(rows)


if __name__ == "__main__":
    command(app)
