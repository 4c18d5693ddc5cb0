"""What this machine has: processor, cores, memory, GPUs."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from pathlib import Path

import kit.handlers  # noqa: F401
from common import memory
from kit.gpus import Gpus, usable
from processors import allowed

CPUINFO = Path("/proc/cpuinfo")


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


def processor_flags(cpuinfo: str) -> frozenset[str]:
    """What /proc/cpuinfo says the processor can do: `flags` on x86 (avx2, amx_tile), `Features` on ARM (asimddp)."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def detect() -> Machine:
    found = usable()
    return Machine(platform.machine(), allowed(), memory.allowed(), memory.available(), found.names, found)
