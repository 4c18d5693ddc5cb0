"""Serve an archive with TorchServe: start, stop, status, logs.

make serve [PROFILE=…] [FOREGROUND=1]      make stop      make status [JSON=1]      make logs
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from common.errors import KitError
from common.server.server_log import line_that_matters
from kit import console, machine, profiles
from kit.gateway.planning import GatewayPlan, Wanted
from kit.serving import gateway, lifecycle, state, watching
from kit.serving import status as status_of
from kit.serving.launch import RunFolder
from kit.serving.logs import read_lines
from kit.serving.proving import Proved, proved_server
from kit.serving.state import ServerState
from kit.signals import noted
from scripts import options

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
ProfileOption = Annotated[
    str,
    typer.Option("--profile", envvar="PROFILE", help="A profile's name or folder; default: what suits the machine."),
]
JsonOption = Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document on stdout.")]
# Java's exit status when it was asked to end.
ENDED_BY_SIGTERM = 128 + signal.SIGTERM


@app.command()
def start(
    profile: ProfileOption = "",
    foreground: Annotated[
        bool,
        typer.Option("--foreground", envvar="FOREGROUND", help="Stay attached, and end with the server."),
    ] = False,
    address: Annotated[
        str,
        typer.Option(
            "--gateway",
            envvar="GATEWAY",
            help="nginx in front: 0.0.0.0:8443 for the network, with TLS; 1 for this machine alone.",
        ),
    ] = "",
    certificate: options.Certificate = "",
    private_key: options.PrivateKey = "",
    client_ca: Annotated[
        str,
        typer.Option("--client-ca", envvar="CLIENT_CA", help="Who signs clients' certificates, which do for a key."),
    ] = "",
    nginx: Annotated[
        str, typer.Option("--nginx", envvar="NGINX", help="An nginx with njs 0.9.9 or later; default: the kit's own.")
    ] = "",
) -> None:
    """Start the server; return when it has answered a real picture rightly."""
    here = machine.detect()
    chosen = profiles.choose(profile, here)
    console.step(f"profile {chosen.name}: {chosen.reason}")
    run = RunFolder(chosen.server_build.run)
    came = threading.Event()
    with noted(came):
        with state.locked(run, "start"):
            if already := state.running(run):
                console.out.print(
                    f"already running since {status_of.since(already)}: {already.words} at "
                    f"{already.inference} (pid {already.pid}). Nothing was changed: `make reload` takes in what was "
                    "archived since, and `make stop` ends it."
                )
                return
            if stale := state.read(run):
                lifecycle.end(run, stale)
            wanted = lifecycle.plan(chosen, here)
            asked = Wanted(address, certificate, private_key, client_ca, nginx)
            front = gateway.plan(asked, wanted, here.cores)
            if front:
                gateway.check_port(front)
            with console.err.status("starting") as spinner:

                def progress(text: str) -> None:
                    if came.is_set():
                        raise KitError("stopped by a signal before it was ready; nothing is left running")
                    spinner.update(f"starting: {text}")

                with proved_server(wanted, progress, foreground, keep=True) as proved:
                    watching.start(wanted, proved.server)
                    if front:
                        proved = replace(proved, server=gateway.start(front, asked, wanted, proved.server, progress))
                    # it stays, whatever becomes of the words about it
        _show_started(wanted, proved, front)
        if foreground:
            _stay(run, proved, came)


def _stay(run: RunFolder, proved: Proved, came: threading.Event) -> None:
    """Wait for a signal, and then stop the server; or for the server's end, which is a failure unless asked for."""
    process, server = proved.process, proved.server
    while process.poll() is None and not came.is_set():
        if server.gateway and not server.gateway_process():
            lifecycle.stop(run, server, console.step)
            raise KitError("the gateway ended on its own", f"its logs: {run.gateway / 'logs'}")
        time.sleep(0.1)
    if process.returncode is None:
        lifecycle.stop(run, server, console.step)
        return
    lifecycle.end(run, server)
    if process.returncode == ENDED_BY_SIGTERM:
        return  # `make stop` from elsewhere
    cause = line_that_matters(read_lines(run.server_log, run.console_log)) or "its log says no reason"
    raise KitError(
        f"TorchServe ended on its own with status {process.returncode}: {cause}", f"the rest is in {run.server_log}"
    )


def _show_started(wanted: lifecycle.ServerPlan, proved: Proved, front: GatewayPlan | None) -> None:
    server = proved.server
    console.facts(
        {
            "serving": server.words,
            "workers": wanted.workers_words,
            "ready after": f"{proved.seconds:.1f} s",
            "inference": server.inference,
            "management": server.management,
            "metrics": _metrics(wanted.run, server),
            "gRPC": server.grpc,
            **({"gateway": server.gateway} if server.gateway else {}),
            "log": console.shown_path(wanted.run.server_log),
        }
    )
    first = wanted.models[0]
    picture = first.golden[0].picture
    line = (
        gateway_line(server, front, first.name, picture)
        if front
        else curl_line(wanted.run, server, first.name, picture)
    )
    console.out.print(f"\n{escape(line)}")
    if front and not front.address.tls and not front.address.loopback:
        console.step("http:// as you asked: whoever is on that network can read the keys and pictures that pass")
    if exposed := wanted.settings.exposed:
        console.step(
            f"TorchServe itself faces the network ({', '.join(exposed)}), and it gets no security patches any more: "
            "GATEWAY=0.0.0.0:8443 faces it instead"
        )


def _metrics(run: RunFolder, server: ServerState) -> str:
    return f"{server.gateway}/metrics" if server.gateway else f"unix:{console.shown_path(run.metrics_socket)}"


def curl_line(run: RunFolder, server: ServerState, model: str, picture: Path) -> str:
    """A command that asks for a prediction; it works when pasted."""
    header = f"-H @{console.shown_path(run.inference_header)} " if run.inference_header.exists() else ""
    unix = server.inference.startswith("unix:")
    address = "http://localhost" if unix else server.inference
    socket = f"--unix-socket {shlex.quote(server.inference.removeprefix('unix:'))} " if unix else ""
    return f"curl {socket}{header}-T {console.shown_path(picture)} {address}/predictions/{model}"


def gateway_line(server: ServerState, wanted: GatewayPlan, model: str, picture: Path) -> str:
    """Commands that ask as a client does."""
    trust = f"--cacert {shlex.quote(console.shown_path(wanted.trust))} " if wanted.trust else ""
    ask = f"curl {trust}-H @me.header -T {console.shown_path(picture)} {server.gateway}/predictions/{model}"
    return f"make key NAME=me >me.header\n{ask}"


@app.command()
def stop(profile: ProfileOption = "") -> None:
    """Finish the requests in flight, refuse new ones, end."""
    run = RunFolder(profiles.choose(profile, machine.detect()).server_build.run)
    with state.locked(run, "stop"):
        server = state.read(run)
        if not server:
            console.out.print("not running")
            return
        was_running = server.process() is not None
        lifecycle.stop(run, server, console.step)
        console.out.print(
            f"stopped {server.words} (pid {server.pid})"
            if was_running
            else f"it had already ended (see {console.shown_path(run.server_log)}); what it left behind was removed"
        )


@app.command()
def status(profile: ProfileOption = "", as_json: JsonOption = False) -> None:
    """What is running, and how its workers are. Exit status 1 when it is not running or not ready."""
    run = RunFolder(profiles.choose(profile, machine.detect()).server_build.run)
    server = state.running(run)
    if not server:
        if as_json:
            console.print_json({"running": False})
            sys.exit(1)
        raise KitError("not running", "start it: make serve")
    told = status_of.document(run, server)
    if as_json:
        console.print_json(told)
    else:
        for part in status_of.shown(told):
            console.out.print(part)
    sys.exit(0 if told["ready"] else 1)


@app.command()
def logs(profile: ProfileOption = "") -> None:
    """Follow the server's log until Ctrl-C; the newest 50 lines first."""
    run = RunFolder(profiles.choose(profile, machine.detect()).server_build.run)
    gateway_logs = [run.gateway / "logs" / name for name in ("console.log", "error.log")]
    kept = (run.console_log, run.server_log, *gateway_logs)
    files = [str(path) for path in kept if path.exists() and path.stat().st_size]
    if not files:
        raise KitError(f"no log in {run.logs}", "start the server first: make serve")
    follow = ["-F"] if state.running(run) else []
    os.execvp("tail", ["tail", "-n", "50", *follow, *files])  # noqa: S606 - becomes tail, which knows Ctrl-C


if __name__ == "__main__":
    console.command(app)
