"""What runs on this box, and whether it answers: asked now, not remembered."""

from __future__ import annotations

import time
from typing import Any

import box
from box import damaged_files
from box.gateway import report
from box.server import endpoints, golden_answer, startup
from box.server.service import FAILED, READY, Service, State
from box.state import locks, trial
from box.state.paths import Paths
from box.store import integrity, releases
from box.system import disk, space
from box.system.space import MEGABYTE
from box.watch import notify
from common import durable, json_lines, memory, processes
from common.errors import KitError
from common.manifest import Manifest
from common.watch import endpoint

# How far back its log may say why a server does not start: it is tried again every few minutes.
RECENT_SECONDS = 900.0


def status(paths: Paths, runs: Service) -> dict[str, Any]:
    state, on_trial = runs.state(), trial.load(paths)
    word = endpoints.own_word(paths)
    release = str(word["release"]) if state.pid and "release" in word else releases.to_run(paths)
    manifest = releases.loaded(paths, release)
    switching = locks.taken(paths.work_lock)
    held = locks.holder(paths.deploy_lock)
    workers = _workers(paths, manifest) if manifest and state.pid else []
    why = (
        golden_answer.wrong(paths, manifest)
        if manifest and state.phase == READY
        else _silent(runs, state, paths, release)
    )
    return {
        "ok": True,
        "release": release,
        "confirmed": releases.confirmed(paths),
        "on_trial": on_trial.release if on_trial else None,
        # On its way to the gate, or back: whoever lost the connection waits for this to end.
        "activating": switching and not (on_trial and on_trial.phase == trial.WAITING),
        "model": manifest.model.name if manifest else None,
        "version": manifest.model.version if manifest else None,
        "models": [vars(one.model) for one in manifest.models] if manifest else [],
        "workers": workers,
        "service": state.phase,
        "ready": state.phase == READY and bool(workers) and all(worker["status"] == "READY" for worker in workers),
        "answers": not why,
        "why_not": why or None,
        "gateway": report.status(paths, release),
        "since": word.get("since"),
        "at": round(time.time(), 3),
        "notify_sha256": notify.sha256(paths),
        "alerts": endpoint.alerts(paths.metrics_socket) if state.pid else {},
        "memory_mb": round(processes.proportional(processes.family(state.pid)) / MEGABYTE) if state.pid else 0,
        "memory_free_mb": round(memory.available() / MEGABYTE),
        "disk_free_mb": round(space.free_bytes(paths.home) / MEGABYTE),
        "disk_writable": not (disk_why := disk.unwritable(paths.home) or disk.unwritable(paths.state)),
        "disk_why": disk_why or None,
        # While a release is being switched its files are read anyway, and whoever asks wants to know how that goes.
        "damaged": [] if switching or on_trial else damaged_files.damaged(paths),
        "releases": releases.here(paths),
        "previous": integrity.previous(paths),
        "last_activation": last_activation(paths),
        "lock": held.describe(time.time()) if held else None,
        "box_program": box.VERSION,
        "box_program_sha256": durable.sha256(paths.program) if paths.program.is_file() else None,
    }


def _workers(paths: Paths, manifest: Manifest) -> list[dict[str, Any]]:
    management = endpoints.management(paths)
    try:
        rows = [row for model in manifest.models for row in management.describe(model.model.name)]
    except KitError:
        return []
    return [{"pid": worker["pid"], "status": worker["status"]} for row in rows for worker in row["workers"]]


def _silent(runs: Service, state: State, paths: Paths, release: str | None) -> str:
    """Why there is no server to ask."""
    if release is None:
        return "no release was ever confirmed on this box"
    cause = startup.cause(runs, state, time.time() - RECENT_SECONDS) if state.phase == FAILED else ""
    words = [f"the server is {state.phase}", cause, *integrity.damage(paths, release)]
    return "; ".join(word for word in words if word)


def last_activation(paths: Paths) -> dict[str, Any] | None:
    """How the latest one stands: its last step, its result, its end."""
    found = json_lines.read(paths.activation)
    if not found:
        return None
    summary: dict[str, Any] = {key: found[0].get(key) for key in ("release", "owner", "at")}
    for event in found[1:]:
        if event.get("event") == "step":
            summary["step"] = event.get("step")
        else:
            summary |= {key: value for key, value in event.items() if key not in ("event", "at", "log")}
            summary["ended"] = event.get("at")
            if event.get("event") == "end":
                summary["waiting"] = False
    return summary
