"""Bring the pictures that servers kept (`sample:` in model-config.yaml) into folders for a person to sort.

make collect [PROFILE=…]
make collect FLEET=fleet.yaml [OUT=folder]

Each picture lies in a folder named by what the model took it for. Move those that are wrong, throw away what is of no
use, then give the folder back: make archive PICTURES=folder, or CALIBRATION=folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from common import samples
from common.words import count
from kit import console, machine, profiles
from kit.collected import Collection
from kit.fleet.host import samples as boxes
from kit.fleet.rollout.workspace import find
from scripts import options
from scripts.options import FleetFile, Hosts

app = typer.Typer(help=__doc__, add_completion=False)
FOLDER = "collected"


@app.command()
def main(
    profile: options.Profile = "",
    fleet: FleetFile = "",
    hosts: Hosts = "",
    out: Annotated[str, typer.Option(envvar="OUT", help="The folder for them; default: build/…/collected.")] = "",
) -> None:
    """Only what was not brought before. 1 when a box could not be asked."""
    errors = []
    if fleet or hosts:
        workspace = find(fleet, hosts)
        collection = Collection(Path(out).resolve() if out else workspace.folder / FOLDER)
        for answer in boxes.fetch(workspace.links(), collection, workspace.fleet.parallel):
            errors += [f"{answer.box}: {answer.error}"] if answer.error else []
            if not answer.error:
                console.step(f"{answer.box}: {answer.said['brought']} new of {count(answer.said['there'], 'picture')}")
    else:
        chosen = profiles.choose(profile, machine.detect())
        collection = Collection(Path(out).resolve() if out else chosen.server_build.folder / FOLDER)
        folder = chosen.server_build.samples
        for sample in collection.wanted(chosen.name, samples.listed(folder)):
            collection.add(chosen.name, sample, (folder / sample.path).read_bytes())
    for error in errors:
        console.step(error)
    console.out.print(f"{count(collection.added, 'new picture')} in {console.shown_path(collection.folder)}")
    if errors:
        sys.exit(1)


if __name__ == "__main__":
    console.command(app)
