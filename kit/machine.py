"""What this machine has: processor, cores, memory, GPUs."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import kit.handlers  # noqa: F401
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
    """`cores` are those this process may use; memory is in bytes and heeds a container's limit."""

    processor: str
    cores: int
    memory_total: int
    memory_available: int
    gpus: tuple[str, ...]


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


def gpus() -> tuple[str, ...]:
    """The NVIDIA GPUs' names, as TorchServe itself finds them: by asking nvidia-smi."""
    if not shutil.which("nvidia-smi"):
        return ()
    asked = subprocess.run(
        ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return tuple(line.strip() for line in asked.stdout.splitlines() if line.strip()) if asked.returncode == 0 else ()


def detect() -> Machine:
    memory = meminfo(Path("/proc/meminfo").read_text())
    total, available = memory["MemTotal"], memory["MemAvailable"]
    limit, usage = _first_number(CGROUP_LIMITS), _first_number(CGROUP_USAGES)
    if limit is not None and limit < total:
        total = limit
        available = min(available, max(0, limit - (usage or 0)))
    return Machine(platform.machine(), allowed(), total, available, gpus())
