"""A server's processes: what they cost, read from /proc, and those that the kit puts beside it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from common import processes
from kit.build import PROJECT

STARTER = "/worker/ts/model_service_worker.py"  # the kit's: TorchServe's own does not lie in a folder of that name
IMPORTER = "model-importer"
SHARED = (IMPORTER, "model-parent")  # the names of the kit's processes behind workers (worker/process.py)


@dataclass(frozen=True)
class ProcessShare:
    """One process: `kind` is Java, worker, or shared for what stands behind the kit's workers and watches them;
    `memory` its proportional share (PSS), bytes."""

    kind: str
    pid: int
    memory: int


def detached(module: str, *arguments: str, log: Path) -> None:
    """Run a module of the kit in a process and a session of its own; what it says goes into `log`. Raises OSError."""
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", module, *arguments],
        {**os.environ, "PYTHONPATH": str(PROJECT)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def family(pid: int) -> list[psutil.Process]:
    """The process and all that belong to it; none when it has ended or `pid` is 0."""
    found = []
    for member in processes.family(pid) if pid else ():
        with suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(member))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the whole family so far. What ended meanwhile is in its parent's `children_…`."""
    total = 0.0
    for process in family(pid):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.Error:  # it ended just now
            continue
    return total


def _kind(process: psutil.Process) -> str:
    """What Java started for a forked worker only waits for its end."""
    words = process.cmdline()
    beside = processes.WATCHERS.intersection(words) or any(word.endswith(STARTER) for word in words)
    return "shared" if beside or process.name() in SHARED else "worker"


def shares(pid: int) -> list[ProcessShare]:
    """Every process of the family that is alive."""
    found = []
    for process in family(pid):
        try:
            kind = "Java" if process.pid == pid else _kind(process)
            found.append(ProcessShare(kind, process.pid, int(process.memory_full_info().pss)))
        except psutil.Error:
            continue
    return found
