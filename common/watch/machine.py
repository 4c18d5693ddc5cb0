"""The machine under a server, as far as anybody may look: memory, disk, temperature, throttling, clock."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from common import memory

ROOT = Path("/")
# What a Raspberry Pi's firmware says of now, and no more of since the boot:
# https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
UNDERVOLTED, CAPPED, SLOWED, HOT = 1, 2, 4, 8
SYNCHRONIZED = "run/systemd/timesync/synchronized"


def gauges(disk: Path, root: Path = ROOT) -> dict[str, float]:
    """In bytes, degrees Celsius, and 0 or 1. What this machine does not tell is left out. `disk`: a folder on it."""
    found = {"memory_available_bytes": float(memory.available(proc=root / "proc", cgroups=root / "sys/fs/cgroup"))}
    found["memory_bytes"] = float(memory.allowed(root / "proc", root / "sys/fs/cgroup"))
    with suppress(OSError):
        there = os.statvfs(disk)
        found["disk_free_bytes"] = float(there.f_bavail * there.f_frsize)
        found["disk_bytes"] = float(there.f_blocks * there.f_frsize)
    if (degrees := temperature(root)) is not None:
        found["temperature_celsius"] = degrees
    with suppress(OSError, ValueError):
        now = int((root / THROTTLED).read_text(), 16)
        found["throttled"] = float(bool(now & (CAPPED | SLOWED | HOT)))
        found["undervolted"] = float(bool(now & UNDERVOLTED))
    if (root / SYNCHRONIZED).parent.is_dir():
        found["clock_synchronized"] = float((root / SYNCHRONIZED).exists())
    return found


def temperature(root: Path = ROOT) -> float | None:
    """Of the hottest place that has a sensor, °C."""
    found = []
    for zone in (root / "sys/class/thermal").glob("thermal_zone*/temp"):
        with suppress(OSError, ValueError):
            found.append(int(zone.read_text()) / 1000)
    return max(found, default=None)
