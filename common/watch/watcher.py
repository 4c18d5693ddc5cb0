"""Watches one server until it is told to stop: counts what it does by the minute, and tells whoever scrapes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common import processes
from common.watch import endpoint, exposition, machine, snapshot
from common.watch.recorder import Recorder, added
from common.watch.series import LEVEL, Tally

POLL_SECONDS = 5.0
MINUTE = 60
STARTED, STOPPED, SWITCHED = "started", "stopped", "switched"
# How a level is recorded: by which name, and how many of its units are one there.
RECORDED = {
    "memory_available_bytes": ("memory_available_mb", 1 << 20),
    "server_memory_bytes": ("server_memory_mb", 1 << 20),
    "disk_free_bytes": ("disk_free_mb", 1 << 20),
    "temperature_celsius": ("temperature_c", 1),
    "throttled": ("throttled", 1),
    "undervolted": ("undervolted", 1),
}


@dataclass(frozen=True)
class Watched:
    """A server: its TEMP, its process, and since when; the file that its gateway writes its counts into. Where its
    record goes, and the socket at which it is told. `about`: the release that serves now, and the like, as Prometheus
    is to know it."""

    temp: Path
    pid: int
    since: float
    gateway: Path
    record: Path
    socket: Path
    about: Callable[[], Mapping[str, str]]


def watch(watched: Watched, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Until `stop`. What goes wrong here is said, and is no reason for anything else to end."""
    recorder = Recorder(watched.record, say)
    recorder.event(watched.since, STARTED, _release(watched))
    try:
        close = endpoint.listen(watched.socket, lambda: text(watched))
    except OSError as error:
        say(f"the metrics cannot be told at {watched.socket}: {error}")
        close = _nothing
    try:
        _count(watched, recorder, stop)
    finally:
        close()
        recorder.event(time.time(), STOPPED, _release(watched))
        recorder.flush()


def _count(watched: Watched, recorder: Recorder, stop: threading.Event) -> None:
    tally, minute = Tally(watched.since), _minute(time.time())
    counted: dict[str, int] = {}
    stopping, release = False, _release(watched)
    while not stopping:
        stopping = stop.wait(POLL_SECONDS)
        shown = snapshot.take(watched.temp, watched.gateway)
        counted = added(counted, tally.since_last(shown))
        if (now := _release(watched)) not in ("", release):
            release = now
            recorder.event(shown.at, SWITCHED, release)
        if stopping or _minute(shown.at) != minute:
            recorder.add(minute, counted | levels(watched))
            minute, counted = _minute(shown.at), {}


def text(watched: Watched) -> str:
    """Everything, as it is now, for Prometheus."""
    shown = snapshot.take(watched.temp, watched.gateway)
    return exposition.text(shown.workers, gauges(watched), watched.about())


def gauges(watched: Watched) -> dict[str, float]:
    memory = processes.proportional(processes.family(watched.pid))
    mine = {"server_memory_bytes": float(memory), "start_time_seconds": round(watched.since, 3)}
    return machine.gauges(watched.record.parent) | mine


def levels(watched: Watched) -> dict[str, int]:
    """As they are recorded."""
    told = gauges(watched)
    return {
        f"{LEVEL}{name}": max(0, round(told[gauge] / unit)) for gauge, (name, unit) in RECORDED.items() if gauge in told
    }


def _release(watched: Watched) -> str:
    return watched.about().get("release", "")


def _minute(at: float) -> int:
    return int(at) - int(at) % MINUTE


def _nothing() -> None:
    """No socket to close."""
