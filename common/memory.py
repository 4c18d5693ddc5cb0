"""Memory: what is left for a start. Figures are bytes unless a name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


def available(proc: Path = PROC, cgroups: Path = CGROUPS, pid: int | str = "self") -> int:
    """What process `pid` and its like can still take: the machine's MemAvailable, or less where a cgroup says so."""
    return min([_machine(proc, "MemAvailable"), *(limit.room for limit in _limits(proc, cgroups, pid))])


def can_be_limited(proc: Path = PROC, cgroups: Path = CGROUPS) -> bool:
    """Is the kernel's memory control group on? Raspberry Pi's kernel has it off by default."""
    try:
        if "memory" in (cgroups / "cgroup.controllers").read_text().split():
            return True
    except OSError:
        pass  # the older kind of control groups
    try:
        rows = [line.split() for line in (proc / "cgroups").read_text().splitlines()]
    except OSError:
        return False
    return any(row[0] == "memory" and row[-1] == "1" for row in rows if row)


def total(proc: Path = PROC) -> int:
    """The machine's own."""
    return _machine(proc, "MemTotal")


def allowed(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """The most that this process and its like may ever take: the machine's memory, or less where a cgroup says so."""
    return min([total(proc), *(limit.bytes for limit in _limits(proc, cgroups, "self"))])


def _machine(proc: Path, key: str) -> int:
    for line in (proc / "meminfo").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0


@dataclass(frozen=True)
class Limit:
    """A control group's memory limit, and what it leaves. Cache that can be dropped counts as free."""

    bytes: int
    room: int


def _limits(proc: Path, cgroups: Path, pid: int | str) -> list[Limit]:
    """The process's control group's and those of the groups above it."""
    limits = []
    try:
        rows = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return []
    for row in rows:
        _, controllers, path = row.split(":", 2)
        if controllers == "memory":
            mount, names = cgroups / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
        elif controllers == "":
            mount, names = cgroups, ("memory.max", "memory.current", "")
        else:
            continue
        folder = mount / path.lstrip("/")
        while True:
            if (limit := _limit(folder, *names)) is not None:
                limits.append(limit)
            if folder == mount:
                break
            folder = folder.parent
    return limits


def _limit(folder: Path, limit_file: str, usage_file: str, prefix: str) -> Limit | None:
    """None: no limit here, or nothing to read (a path from outside this container). Files that are cached give way,
    the often used ones too: MemAvailable counts both."""
    try:
        limit = (folder / limit_file).read_text().strip()
        usage = int((folder / usage_file).read_text())
        rows = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        cached = (f"{prefix}active_file", f"{prefix}inactive_file")
        cache = sum(int(row[1]) for row in rows if row[0] in cached)
    except (OSError, ValueError):
        return None
    if not limit.isdigit() or int(limit) >= 1 << 60:
        return None
    return Limit(int(limit), max(0, int(limit) - usage + cache))
