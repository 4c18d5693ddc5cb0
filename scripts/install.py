"""A signed bundle as a service of this machine, or of a server that ssh reaches; and away again.

make install PROFILE=onprem SIGNERS=allowed_signers             this machine: root, or sudo without a password
make install HOSTS=anna@server GATEWAY=0.0.0.0:8443 SIGNERS=…   another
make uninstall [HOSTS=anna@server]

It is what `make deploy` does to a box: on trial, measured, and taken back when it does not answer rightly. So `status`,
`rollback`, `key`, `report` and the others take HOSTS=here, too.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer
from rich.markup import escape

from common.gateway import address
from kit import console
from kit.fleet.host import survey
from kit.fleet.inventory import fleet_file
from kit.fleet.rollout.workspace import find
from kit.fleet.ssh.commands import HERE
from scripts import fleet as fleets
from scripts.options import Hosts

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)


@app.command()
def install(
    hosts: Hosts = HERE,
    profile: Annotated[str, typer.Option(envvar="PROFILE", help="The profile whose bundle it is.")] = "onprem",
    bundle: fleets.Bundle = "",
    signers: fleets.Signers = "",
    gateway: Annotated[
        str,
        typer.Option(
            envvar="GATEWAY",
            help="Where clients reach it: 0.0.0.0:8443 for every network, 1 for its own programs alone; default: as it "
            "is, at first 1.",
        ),
    ] = "",
    break_lock: fleets.BreakLock = False,
    dry_run: fleets.DryRun = False,
    as_json: fleets.AsJson = False,
) -> None:
    """All that a server needs, from one signed bundle: runtime, user, units, gateway. Done again it changes nothing."""
    wanted = fleet_file.checked_gateway(gateway)
    workspace = find("", hosts)
    boxes = tuple(replace(box, gateway_address=wanted, first_gateway=address.HERE) for box in workspace.fleet.boxes)
    workspace.fleet = replace(workspace.fleet, boxes=boxes)
    fleets.send(workspace, bundle, profile, signers, break_lock, dry_run, as_json)


@app.command()
def uninstall(hosts: Hosts = HERE, as_json: fleets.AsJson = False) -> None:
    """Take away all that install brought: the service, releases, settings, clients' keys, the record."""
    workspace = find("", hosts)
    with workspace.alone():
        answers = fleets.ask_all(workspace, "uninstall", "--owner", workspace.owner)
    bare = [answer for answer in answers if answer.error == survey.BARE]
    failed = [answer for answer in answers if answer not in bare and not answer.said.get("ok")]
    if as_json:
        console.print_json({"ok": not failed, "boxes": [answer.document() for answer in answers]})
        sys.exit(1 if failed else 0)
    for answer in answers:
        if answer in failed:
            console.step(f"{answer.box}: {answer.error or answer.said.get('error')}")
        if answer in bare:
            console.step(f"{answer.box}: nothing is installed")
        for change in answer.said.get("changed", ()):
            console.out.print(f"{answer.box}: {escape(change)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    console.command(app)
