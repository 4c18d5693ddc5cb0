"""What this machine has: processor, cores, memory, GPUs."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from pathlib import Path

import kit.handlers  # noqa: F401
from kit.gpus import Gpus, usable
from processors import allowed

CPUINFO = Path("/proc/cpuinfo")
CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),  # cgroup v2
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),  # cgroup v1
)
CGROUP_USAGES = (
    Path("/sys/fs/cgroup/memory.current"),
    Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


@dataclass(frozen=True)
class Machine:
    """`cores` and `gpus` are those this process may use; memory is in bytes and heeds a container's limit. `seen`: more
    about the GPUs."""

    processor: str
    cores: int
    memory_total: int
    memory_available: int
    gpus: tuple[str, ...]
    seen: Gpus = field(default_factory=Gpus)

    @property
    def no_gpu(self) -> str:
        """ "no GPU", and why, where a reason is known."""
        return f"no GPU ({self.seen.why})" if self.seen.why else "no GPU"


def meminfo(text: str) -> dict[str, int]:
    """/proc/meminfo as bytes by name (the file counts in kibibytes)."""
    rows = (line.split() for line in text.splitlines() if ":" in line)
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows}


def processor_flags(cpuinfo: str) -> frozenset[str]:
    """What /proc/cpuinfo says the processor can do: `flags` on x86 (avx2, amx_tile), `Features` on ARM (asimddp)."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def _first_number(paths: tuple[Path, ...]) -> int | None:
    for path in paths:
        try:
            return int(path.read_text())
        except (OSError, ValueError):  # absent, or "max"
            continue
    return None


def detect() -> Machine:
    memory = meminfo(Path("/proc/meminfo").read_text())
    total, available = memory["MemTotal"], memory["MemAvailable"]
    limit, usage = _first_number(CGROUP_LIMITS), _first_number(CGROUP_USAGES)
    if limit is not None and limit < total:
        total = limit
        available = min(available, max(0, limit - (usage or 0)))
    found = usable()
    return Machine(platform.machine(), allowed(), total, available, found.names, found)
