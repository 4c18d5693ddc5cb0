"""The server of this machine is watched by a small process of its own (common/watch), which ends when Java has."""

from __future__ import annotations

from pathlib import Path

from common.gateway.nginx_conf import COUNTS
from kit.files import write_json
from kit.processes import detached
from kit.serving.launch import RunFolder
from kit.serving.lifecycle import ServerPlan
from kit.serving.state import ServerState


def start(wanted: ServerPlan, server: ServerState) -> None:
    """Raises OSError when it cannot be started."""
    run = wanted.run
    counts(run).unlink(missing_ok=True)
    follow(wanted, server)
    detached("common.watch", str(run.watch_settings), str(server.pid), log=run.watch_log)


def follow(wanted: ServerPlan, server: ServerState) -> None:
    """Tell who watches it what it serves now."""
    run = wanted.run
    told = {
        "temp": server.temp,
        "since": server.created,
        "gateway": str(counts(run)),
        "record": str(wanted.profile.server_build.record),
        "samples": str(wanted.profile.server_build.samples),
        "socket": run.metrics_socket.name,
        "about": {"release": _release(server)},
    }
    write_json(run.watch_settings, told, mode=0o600)


def _release(server: ServerState) -> str:
    return ", ".join(f"{one} {one.archive_sha256[:8]}" for one in server.models)


def counts(run: RunFolder) -> Path:
    """What the gateway has counted."""
    return run.gateway / COUNTS
