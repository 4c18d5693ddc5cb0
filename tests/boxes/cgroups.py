"""A box's control groups: one of the same name in every hierarchy, with the memory limit on it (cgroup v1)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# Without one of its own in each, two systemds would share the machine's: they would fight over system.slice.
HIERARCHIES = ("memory", "systemd", "pids", "cpu", "cpuacct", "unified")


def group_folders(name: str) -> list[Path]:
    return [ROOT / hierarchy / name for hierarchy in HIERARCHIES if (ROOT / hierarchy).is_dir()]


def create(name: str, memory_mb: int | None = None) -> None:
    for folder in group_folders(name):
        folder.mkdir(parents=True, exist_ok=True)
    if memory_mb is not None:
        (ROOT / "memory" / name / "memory.limit_in_bytes").write_text(str(memory_mb << 20), encoding="ascii")


def entering(name: str) -> Callable[[], None]:
    """For Popen's preexec_fn: the new process, and all that it starts, belong to the group."""
    listings = [folder / "cgroup.procs" for folder in group_folders(name)]

    def enter() -> None:
        for listing in listings:
            listing.write_text(str(os.getpid()), encoding="ascii")

    return enter


def processes(name: str) -> set[int]:
    """Every process in the group or below it, as the machine numbers them."""
    found: set[int] = set()
    for folder in group_folders(name):
        for listing in folder.rglob("cgroup.procs"):
            found |= {int(pid) for pid in _lines(listing)}
    return found


def remove(name: str) -> None:
    """Remove the groups once their processes are gone. Raises OSError when one is still in use after 10 s."""
    deadline = time.monotonic() + 10
    for folder in group_folders(name):
        below = sorted((path for path in folder.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts))
        for each in [*below, folder]:
            while each.is_dir():
                try:
                    each.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)


def memory_peak_mb(name: str) -> int:
    return int((ROOT / "memory" / name / "memory.max_usage_in_bytes").read_text(encoding="ascii")) >> 20


def _lines(listing: Path) -> list[str]:
    try:
        return listing.read_text(encoding="ascii").split()
    except FileNotFoundError:  # the group went away meanwhile
        return []
