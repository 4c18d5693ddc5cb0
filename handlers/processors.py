"""How many processors this process may use, counted as Java counts them, since TorchServe starts workers by that."""

from __future__ import annotations

import math
import os
from pathlib import Path

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def allowed(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """Those of its affinity, or what a container's share comes to, rounded up."""
    affinity = len(os.sched_getaffinity(0))
    share = quota(proc, cgroups)
    return affinity if share is None else min(affinity, max(1, math.ceil(share)))


def quota(proc: Path = PROC, cgroups: Path = CGROUPS) -> float | None:
    """The share, in processors, that the control groups above this process leave it; None where none limits it."""
    shares = [share for folder in _folders(proc, cgroups) if (share := _share(folder)) is not None]
    return min(shares, default=None)


def _folders(proc: Path, cgroups: Path) -> list[Path]:
    """Its group and those above it. Inside a container the path may be one of the machine's, of which only the top is
    there."""
    try:
        rows = [row.split(":", 2) for row in (proc / "self" / "cgroup").read_text().splitlines()]
    except OSError:
        return []
    found = []
    for _, controllers, path in rows:
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = cgroups / "cpu" if controllers else cgroups
        folder = mount / path.lstrip("/")
        found += [folder, *(above for above in folder.parents if above.is_relative_to(mount))]
    return found


def _share(folder: Path) -> float | None:
    """Of cgroup v2's cpu.max ("<quota> <period>", or "max <period>") or v1's two files (-1 for no quota)."""
    try:
        if (folder / "cpu.max").is_file():
            allowed, period = (folder / "cpu.max").read_text().split()
        else:
            allowed, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        return int(allowed) / int(period) if int(allowed) > 0 else None
    except (OSError, ValueError):
        return None
