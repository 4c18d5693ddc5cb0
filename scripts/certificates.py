"""The certificates that gateways show, renewed when they are due: this machine's, or those of boxes.

make certificates [PROFILE=…]
make certificates FLEET=fleet.yaml [CERTIFICATE= PRIVATE_KEY=] [CLIENT_CA=]
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated

import typer

from common.gateway import nginx_files
from kit import console, machine, profiles
from kit.fleet.gateway.certificate import Given
from kit.fleet.host import gateways
from kit.fleet.rollout.workspace import find
from kit.gateway import nginx, places
from kit.gateway.certificates import CERTIFICATE
from kit.gateway.own_certificate import given_pair, own_certificate, read_file
from kit.serving import state
from kit.serving.launch import RunFolder
from scripts import options
from scripts.options import FleetFile, Hosts

app = typer.Typer(help=__doc__, add_completion=False)


@app.command()
def main(
    profile: options.Profile = "",
    fleet: FleetFile = "",
    hosts: Hosts = "",
    certificate: options.Certificate = "",
    private_key: options.PrivateKey = "",
    client_ca: Annotated[
        str, typer.Option(envvar="CLIENT_CA", help="Of boxes: whose certificates clients may come with (PEM).")
    ] = "",
) -> None:
    """Renew what is due, and have running gateways show it: no request is lost."""
    if fleet or hosts:
        authority = read_file(Path(client_ca), "CLIENT_CA").decode(errors="replace") if client_ca else None
        sys.exit(_on_boxes(fleet, hosts, Given(given_pair(certificate, private_key), authority)))
    pair, trust = own_certificate(certificate, private_key)
    facts = {"for": ", ".join(pair.names), "ends": f"{pair.ends:%Y-%m-%d}"}
    if trust:
        facts["clients trust"] = console.shown_path(trust)
    console.facts(facts)
    run = RunFolder(profiles.choose(profile, machine.detect()).server_build.run)
    server = state.running(run)
    gateway = server.gateway_process() if server else None
    if gateway and nginx_files.show(run.gateway, pair):
        nginx.reload(run.gateway, gateway)
        console.step("the running gateway shows it to new connections")


def _on_boxes(fleet: str, hosts: str, given: Given) -> int:
    """1 when a box has none that is good."""
    workspace = find(fleet, hosts)
    answers = gateways.renew_certificates(workspace.links(), given, workspace.fleet.parallel)
    table = console.table("box", "ends", "for", "sent")
    for answer in answers:
        if answer.error:
            console.step(f"{answer.box}: {answer.error}")
        else:
            ends = datetime.datetime.fromtimestamp(answer.said["ends"], datetime.timezone.utc)
            sent = answer.said["why"] or "no: it is good"
            table.add_row(answer.box, f"{ends:%Y-%m-%d}", ", ".join(answer.said["names"]), sent)
    if table.row_count:
        console.out.print(table)
    if not given.pair:
        console.step(f"clients trust {console.shown_path(places.authority() / CERTIFICATE)}")
    return 1 if any(answer.error for answer in answers) else 0


if __name__ == "__main__":
    console.command(app)
