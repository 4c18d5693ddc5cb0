"""How a running server is: as a document, and as people read it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from rich.console import RenderableType
from rich.markup import escape

from common import processes
from common.server.torchserve import Management
from common.watch import endpoint
from common.watch import workers as watched_workers
from kit import console
from kit.gateway import certificates
from kit.processes import IMPORTER
from kit.serving.launch import RunFolder
from kit.serving.state import ServerState


def document(run: RunFolder, server: ServerState) -> dict[str, Any]:
    """Memory in bytes, each page that processes share counted as its part. Raises KitError when it cannot be asked."""
    management = Management(server.management, run.management_header)
    described = {one.name: management.describe(one.name)[0] for one in server.models}
    workers = {worker["pid"]: worker | {"model": name} for name, row in described.items() for worker in row["workers"]}
    models = [{"model": name, "version": row["modelVersion"]} for name, row in described.items()]
    parents = sorted(processes.with_parents(list(workers)) - set(workers))
    return {
        "running": True,
        "ready": bool(workers) and all(worker["status"] == "READY" for worker in workers.values()),
        "pid": server.pid,
        "since": since(server),
        **models[0],
        "models": models,
        "inference": server.inference,
        "management": server.management,
        "metrics": server.metrics,
        "grpc": server.grpc,
        "gateway": _gateway(run, server),
        "alerts": endpoint.alerts(run.metrics_socket),
        "worker_metrics": watched_workers.read(Path(server.temp)),
        "memory_bytes": _memory(server.pid),
        "parents": [{"pid": pid, "name": _name(pid), "memory_bytes": _memory(pid)} for pid in parents],
        "workers": [
            {name: worker[name] for name in ("id", "model", "pid", "status")} | {"memory_bytes": _memory(pid)}
            for pid, worker in workers.items()
        ],
    }


def since(server: ServerState) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(server.created))


def shown(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What `document` says."""
    ready = sum(worker["status"] == "READY" for worker in told["workers"])
    models = ", ".join(f"{one['model']} {one['version']}" for one in told["models"])
    yield (f"{models} at {told['inference']} since {told['since']}; {ready} of {len(told['workers'])} workers ready")
    table = console.table("process", "pid", "state", "memory", right=("pid", "memory"))
    table.add_row("Java", str(told["pid"]), "running", _megabytes(told))
    for parent in told["parents"]:
        kind = "imports" if parent["name"] == IMPORTER else "workers' parent"
        table.add_row(kind, str(parent["pid"]), "", _megabytes(parent))
    for worker in told["workers"]:
        of_model = f" of {worker['model']}" if len(told["models"]) > 1 else ""
        table.add_row(f"worker {worker['id']}{of_model}", str(worker["pid"]), worker["status"], _megabytes(worker))
    yield table
    yield from map(_answered, told["worker_metrics"])
    yield from (f"[bold red]{escape(f'{name}: {words}')}[/bold red]" for name, words in told["alerts"].items())
    if front := told["gateway"]:
        ends = f"; its certificate ends on {front['certificate_ends'][:10]}" if front["certificate_ends"] else ""
        running = "" if front["running"] else ", which has ended: make stop, then make serve"
        yield f"clients come to {front['url']}{running}{ends}"


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


def _answered(metrics: Mapping[str, Any]) -> str:
    """What the workers of a version have answered, as a sentence."""
    measures = {one["key"]: one for one in metrics["measures"]}
    answers, handled = measures["code"]["counts"], measures["handler"]
    who = f"{metrics['model']} {metrics['version']}"
    if not answers:
        return f"{who} has answered nothing yet"
    codes = ", ".join(f"{count:,} with {code}" for code, count in answers.items())
    mean = handled["sum"] / sum(handled["counts"]) * 1000
    return f"{who} has answered {codes}; {mean:.1f} ms in the handler on average"


def _megabytes(process: Mapping[str, Any]) -> str:
    return f"{process['memory_bytes'] >> 20} MB"


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
