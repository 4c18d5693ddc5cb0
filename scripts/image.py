"""Make a container image from a bundle: build/<profile>/image/<release>, an OCI layout, signed, with its SBOM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from common.errors import UsageError
from kit import profiles
from kit.bundle import reading
from kit.console import command, facts, print_json, shown_path, step
from kit.image.making import image as make
from kit.machine import detect
from scripts.options import Key, Profile, require_key

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def image(
    profile: Profile = "",
    bundle: Annotated[
        str, typer.Option(envvar="BUNDLE", help="What it is made of; default: the profile's newest bundle.")
    ] = "",
    base: Annotated[
        str,
        typer.Option(
            envvar="BASE",
            help="The image below, with the bundle's Python and glibc; default: python:3.11-slim-bookworm.",
        ),
    ] = "",
    key: Key = "",
    signers: Annotated[
        str, typer.Option(envvar="SIGNERS", help="The allowed-signers file it is to have; default: KEY alone.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="Print what was made as JSON.")] = False,
) -> None:
    """The release of a signed bundle as an image that runs without root, on a file system that is read-only."""
    chosen = profiles.choose(profile, detect())
    step(f"profile {chosen.name}: {chosen.reason}")
    require_key(key, "an image")
    file = Path(bundle) if bundle else next(iter(reading.newest(chosen.build.bundles)), None)
    if file is None:
        raise UsageError(f"{shown_path(chosen.build.bundles)} holds no bundle", f"make bundle PROFILE={chosen.name}")
    made = make(file, chosen.build.images, base, Path(key), Path(signers) if signers else None)
    if as_json:
        print_json(made)
    else:
        show(made)


def show(made: dict[str, Any]) -> None:
    layers: dict[str, int] = {}
    for layer in made["layers"]:
        layers[layer["name"]] = layers.get(layer["name"], 0) + layer["size"]
    facts(
        {
            "made": shown_path(Path(made["layout"])),
            "release": made["release"],
            "digest": made["digest"],
            "size": f"{made['size'] / 1e6:.1f} MB: "
            + ", ".join(f"{name} {size / 1e6:.1f}" for name, size in layers.items() if size > 1e5),
            "model alone": f"{shown_path(Path(made['model']['layout']))}, {made['model']['size'] / 1e6:.1f} MB, "
            f"{made['model']['digest']}",
            "signed by": made["signed_by"],
            "push": f"skopeo copy oci:{shown_path(Path(made['layout']))}:{made['release']} docker://<registry>/<name>",
        }
    )


if __name__ == "__main__":
    command(app)
