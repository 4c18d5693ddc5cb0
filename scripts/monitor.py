"""Prometheus and Alertmanager for the server of this machine, or for a fleet, until Ctrl-C.

make monitor [PROFILE=…]      make monitor FLEET=fleet.yaml [MONITOR=127.0.0.1:9090]
"""

from __future__ import annotations

import threading
import time
from typing import Annotated
from urllib.parse import urlsplit

import typer

from common.errors import KitError, UsageError
from common.gateway import keys
from kit import console, machine, profiles
from kit.build import default_build_root
from kit.fleet.gateway.client_keys import Changes
from kit.fleet.host import gateways, scraped, survey
from kit.fleet.rollout.workspace import Workspace, find
from kit.gateway import places
from kit.gateway.certificates import CERTIFICATE
from kit.monitoring import files, own_key, running
from kit.monitoring.files import Target
from kit.serving import preflight, state
from kit.serving.launch import RunFolder
from kit.serving.ports import free_ports
from kit.serving.settings import Listener
from kit.signals import noted
from scripts import options
from scripts.options import FleetFile, Hosts

app = typer.Typer(help=__doc__, add_completion=False)
ALERTMANAGER_PORT = 9093


@app.command()
def main(
    profile: options.Profile = "",
    fleet: FleetFile = "",
    hosts: Hosts = "",
    listen: Annotated[
        str, typer.Option("--listen", envvar="MONITOR", help="Where Prometheus listens.")
    ] = "127.0.0.1:9090",
) -> None:
    """Write what they are started from, start them, and stay until Ctrl-C."""
    at = _free(listen)
    text, row = own_key.own_key(places.home() / "monitoring")
    if fleet or hosts:
        workspace = find(fleet, hosts)
        targets = _boxes(workspace, Changes(add={keys.sha256(text): row}))
        folder = workspace.folder / "monitor"
    else:
        targets = [_here(profile)]
        own_key.admit(places.keys(), text, row)
        folder = default_build_root() / "monitor"
    alerts = f"127.0.0.1:{_alertmanager_port()}"
    files.write(folder, targets, text, places.authority() / CERTIFICATE, alerts)
    came = threading.Event()
    with noted(came), running.running(folder, at, alerts) as ended:
        console.facts(
            {
                "scraped": ", ".join(f"{target.box} ({target.address})" for target in targets),
                "Prometheus": f"http://{at}",
                "alerts": f"http://{at}/alerts, http://{alerts}",
                "files": console.shown_path(folder),
            }
        )
        console.step("Ctrl-C ends them; what was scraped stays")
        while not came.is_set():
            if package := ended():
                raise KitError(f"{package.name} ended on its own", f"its log: {folder / package.name}.log")
            time.sleep(0.2)


def _free(listen: str) -> str:
    """Raises UsageError for what is no address, KitError for one that is taken."""
    try:
        parts = urlsplit(f"//{listen}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise UsageError(f"MONITOR={listen} is not an address", "MONITOR=127.0.0.1:9090")
    if not preflight.is_free(Listener("MONITOR", host, port)):
        raise KitError(f"port {port} (MONITOR) is taken by {preflight.owner_of(port)}", "MONITOR=127.0.0.1:9091")
    return listen


def _alertmanager_port() -> int:
    """Its usual one, or another where that is taken."""
    usual = Listener("alertmanager", "127.0.0.1", ALERTMANAGER_PORT)
    return ALERTMANAGER_PORT if preflight.is_free(usual) else free_ports()[0]


def _here(profile: str) -> Target:
    run = RunFolder(profiles.choose(profile, machine.detect()).server_build.run)
    server = state.running(run)
    if not server or not server.gateway:
        raise KitError(
            "there is no server with a gateway that could be scraped" if server else "no server is running",
            "make serve GATEWAY=1" + (" after make stop" if server else ""),
        )
    parts = urlsplit(server.gateway)
    return Target("here", "here", f"127.0.0.1:{parts.port}", parts.scheme == "https")


def _boxes(workspace: Workspace, changes: Changes) -> list[Target]:
    """Their gateways, which take Prometheus's key from now on; those out of reach once they are reached again."""
    remotes, parallel = workspace.links(), workspace.fleet.parallel
    answers = survey.survey(list(remotes), lambda box: survey.call(remotes[box], "status"), parallel)
    targets, without = scraped.targets(workspace.fleet, answers, scraped.resolves)
    if without:
        console.step(f"no gateway, and so not scraped: {', '.join(without)}")
    if not targets:
        raise KitError("no box of this fleet has a gateway", "gateway_address in the fleet file, and make deploy")
    named = {target.box for target in targets}
    wanted = {box: remote for box, remote in workspace.links().items() if box in named}
    for answer in gateways.change_keys(wanted, changes, parallel):
        if answer.error:
            console.step(f"{answer.box}: {answer.error}; it gets Prometheus's key with the next make monitor or deploy")
    return targets


if __name__ == "__main__":
    console.command(app)
