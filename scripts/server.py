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
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.markup import escape

from common import processes
from common.errors import KitError
from common.server.server_log import line_that_matters
from common.server.torchserve import Management
from common.server.worker_metrics import read as read_metrics
from kit import console, machine, profiles
from kit.gateway import certificates
from kit.gateway.planning import GatewayPlan, Wanted
from kit.processes import IMPORTER
from kit.serving import gateway, lifecycle, state
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
    run = RunFolder(chosen.build.run)
    came = threading.Event()
    with noted(came):
        with state.locked(run, "start"):
            if already := state.running(run):
                console.out.print(
                    f"already running since {_since(already)}: {already.model} {already.version} at "
                    f"{already.inference} (pid {already.pid}). Nothing was changed; `make stop` ends it."
                )
                return
            if stale := state.read(run):
                lifecycle.end(run, stale)
            wanted = lifecycle.plan(chosen, here)
            front = gateway.plan(Wanted(address, certificate, private_key, client_ca, nginx), wanted, here.cores)
            with console.err.status("starting") as spinner:

                def progress(text: str) -> None:
                    if came.is_set():
                        raise KitError("stopped by a signal before it was ready; nothing is left running")
                    spinner.update(f"starting: {text}")

                with proved_server(wanted, progress, foreground, keep=True) as proved:
                    if front:
                        proved = replace(proved, server=gateway.start(front, wanted, proved.server, progress))
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


def _since(server: ServerState) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(server.created))


def _show_started(wanted: lifecycle.ServerPlan, proved: Proved, front: GatewayPlan | None) -> None:
    server = proved.server
    console.facts(
        {
            "serving": f"{server.model} {server.version}",
            "workers": f"{wanted.workers} ({wanted.workers_why})",
            "ready after": f"{proved.seconds:.1f} s",
            "inference": server.inference,
            "management": server.management,
            "metrics": f"{server.metrics}/metrics",
            "gRPC": server.grpc,
            **({"gateway": server.gateway} if server.gateway else {}),
            "log": console.shown_path(wanted.run.server_log),
        }
    )
    picture = wanted.golden[0].picture
    line = gateway_line(server, front, picture) if front else curl_line(wanted.run, server, picture)
    console.out.print(f"\n{escape(line)}")
    if front and not front.address.tls and not front.address.loopback:
        console.step("http:// as you asked: whoever is on that network can read the keys and pictures that pass")


def curl_line(run: RunFolder, server: ServerState, picture: Path) -> str:
    """A command that asks for a prediction; it works when pasted."""
    header = f"-H @{console.shown_path(run.inference_header)} " if run.inference_header.exists() else ""
    unix = server.inference.startswith("unix:")
    address = "http://localhost" if unix else server.inference
    socket = f"--unix-socket {shlex.quote(server.inference.removeprefix('unix:'))} " if unix else ""
    return f"curl {socket}{header}-T {console.shown_path(picture)} {address}/predictions/{server.model}"


def gateway_line(server: ServerState, wanted: GatewayPlan, picture: Path) -> str:
    """Commands that ask as a client does."""
    trust = f"--cacert {shlex.quote(console.shown_path(wanted.trust))} " if wanted.trust else ""
    ask = f"curl {trust}-H @me.header -T {console.shown_path(picture)} {server.gateway}/predictions/{server.model}"
    return f"make key NAME=me >me.header\n{ask}"


@app.command()
def stop(profile: ProfileOption = "") -> None:
    """Finish the requests in flight, refuse new ones, end."""
    run = RunFolder(profiles.choose(profile, machine.detect()).build.run)
    with state.locked(run, "stop"):
        server = state.read(run)
        if not server:
            console.out.print("not running")
            return
        was_running = server.process() is not None
        lifecycle.stop(run, server, console.step)
        console.out.print(
            f"stopped {server.model} {server.version} (pid {server.pid})"
            if was_running
            else f"it had already ended (see {console.shown_path(run.server_log)}); what it left behind was removed"
        )


@app.command()
def status(profile: ProfileOption = "", as_json: JsonOption = False) -> None:
    """What is running, and how its workers are. Exit status 1 when it is not running or not ready."""
    run = RunFolder(profiles.choose(profile, machine.detect()).build.run)
    server = state.running(run)
    if not server:
        if as_json:
            console.print_json({"running": False})
            sys.exit(1)
        raise KitError("not running", "start it: make serve")
    described = Management(server.management, run.management_header).describe(server.model)[0]
    workers = described["workers"]
    ready = sum(worker["status"] == "READY" for worker in workers)
    memory = {worker["pid"]: _memory(worker["pid"]) for worker in workers}
    metrics = read_metrics(Path(server.temp))
    parents = sorted(processes.with_parents(list(memory)) - set(memory))
    if as_json:
        console.print_json(
            {
                "running": True,
                "ready": ready == len(workers) > 0,
                "pid": server.pid,
                "model": server.model,
                "version": described["modelVersion"],
                "inference": server.inference,
                "management": server.management,
                "metrics": server.metrics,
                "grpc": server.grpc,
                "gateway": _gateway(run, server),
                "worker_metrics": metrics,
                "memory_bytes": _memory(server.pid),
                "parents": [{"pid": pid, "memory_bytes": _memory(pid)} for pid in parents],
                "workers": [
                    {
                        "id": worker["id"],
                        "pid": worker["pid"],
                        "status": worker["status"],
                        "memory_bytes": memory[worker["pid"]],
                    }
                    for worker in workers
                ],
            }
        )
    else:
        console.out.print(
            f"{server.model} {described['modelVersion']} at {server.inference} since {_since(server)}; "
            f"{ready} of {len(workers)} workers ready"
        )
        table = console.table("process", "pid", "state", "memory", right=("pid", "memory"))
        table.add_row("Java", str(server.pid), "running", f"{_memory(server.pid) >> 20} MB")
        for pid in parents:
            kind = "imports" if _name(pid) == IMPORTER else "workers' parent"
            table.add_row(kind, str(pid), "", f"{_memory(pid) >> 20} MB")
        for worker in workers:
            table.add_row(
                f"worker {worker['id']}",
                str(worker["pid"]),
                worker["status"],
                f"{memory[worker['pid']] >> 20} MB",
            )
        console.out.print(table)
        for counted in metrics:
            console.out.print(answered(counted))
        if front := _gateway(run, server):
            ends = f"; its certificate ends on {front['certificate_ends'][:10]}" if front["certificate_ends"] else ""
            running = "" if front["running"] else ", which has ended: make stop, then make serve"
            console.out.print(f"clients come to {front['url']}{running}{ends}")
    sys.exit(0 if ready == len(workers) > 0 else 1)


def _gateway(run: RunFolder, server: ServerState) -> dict[str, Any] | None:
    """None where there is none."""
    if not server.gateway:
        return None
    shown = certificates.read(run.gateway)
    return {
        "url": server.gateway,
        "running": server.gateway_process() is not None,
        "certificate_ends": shown.ends.isoformat() if shown else "",
    }


def answered(metrics: Mapping[str, Any]) -> str:
    """What the workers of a version have answered, as a sentence."""
    answers = metrics["answers"]
    total, batches = sum(answers.values()), sum(bucket["count"] for bucket in metrics["batches_by_seconds"])
    who = f"{metrics['model']} {metrics['version']}"
    if not total:
        return f"{who} has answered nothing yet"
    codes = ", ".join(f"{count:,} with {code}" for code, count in answers.items())
    return f"{who} has answered {codes}; {metrics['handler_seconds'] / batches * 1000:.1f} ms in the handler on average"


def _name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return ""


def _memory(pid: int) -> int:
    """A process's proportional share of memory (PSS), bytes; 0 when it has just ended."""
    try:
        return int(psutil.Process(pid).memory_full_info().pss)
    except psutil.Error:
        return 0


@app.command()
def logs(profile: ProfileOption = "") -> None:
    """Follow the server's log until Ctrl-C; the newest 50 lines first."""
    run = RunFolder(profiles.choose(profile, machine.detect()).build.run)
    gateway_logs = [run.gateway / "logs" / name for name in ("console.log", "error.log")]
    kept = (run.console_log, run.server_log, *gateway_logs)
    files = [str(path) for path in kept if path.exists() and path.stat().st_size]
    if not files:
        raise KitError(f"no log in {run.logs}", "start the server first: make serve")
    follow = ["-F"] if state.running(run) else []
    os.execvp("tail", ["tail", "-n", "50", *follow, *files])  # noqa: S606 - becomes tail, which knows Ctrl-C


if __name__ == "__main__":
    console.command(app)
