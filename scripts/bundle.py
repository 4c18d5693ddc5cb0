"""Make the one signed file that a bare box installs from, offline: build/<profile>/bundle/….bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kit import profiles
from kit.console import command, facts, print_json, shown_path, step
from kit.machine import detect
from scripts.options import Key, require_key

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bundle(
    profile: Annotated[str, typer.Option(envvar="PROFILE", help="A profile's name or folder; default: edge.")] = "edge",
    platform: Annotated[
        str,
        typer.Option(envvar="PLATFORM", help="The box: linux_aarch64 or linux_x86_64; default: this machine's kind."),
    ] = "",
    python: Annotated[
        str, typer.Option(envvar="BOX_PYTHON", help="The box's Python: 3.11, 3.12, 3.13 or 3.14; default: 3.11.")
    ] = "",
    key: Key = "",
    torch_index: Annotated[
        str, typer.Option(envvar="TORCH_INDEX", help="Index or folder to take torch from, if not the usual index.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="Print what was made as JSON.")] = False,
) -> None:
    """Wheels, Java, model, configuration, program, SBOM and licences for one kind of box, signed with your key."""
    machine = detect()
    chosen = profiles.choose(profile, machine)
    step(f"profile {chosen.name}: {chosen.reason}")
    from kit.bundle import target
    from kit.bundle.making import bundle as run

    box = target.choose(platform, python, machine.processor)
    require_key(key, "a bundle")
    made = run(chosen, box, Path(key), torch_index)
    if as_json:
        print_json(made)
    else:
        show(made, chosen.build.bundles / made["file"])


def show(made: dict[str, Any], file: Path) -> None:
    facts(
        {
            "bundled": shown_path(file),
            "release": made["release"],
            "for": f"{made['platform']}, Python {made['python']}",
            "size": f"{made['size'] / 1e6:.1f} MB",
            "wheels": f"{made['wheels']} (runtime {made['runtime']})",
            "signed by": made["signed_by"],
            "sha256": made["sha256"],
        }
    )


if __name__ == "__main__":
    command(app)
