"""How a place is mounted for another process, whose file systems may be its own."""

from __future__ import annotations

import os
from pathlib import Path


def is_noexec(pid: int, folder: Path, proc: Path = Path("/proc")) -> bool:
    """Does the kernel refuse to execute, and to map as code, what lies there for process `pid`?"""
    try:
        return bool(os.statvfs(proc / str(pid) / "root" / folder.relative_to("/")).f_flag & os.ST_NOEXEC)
    except OSError:  # it has ended, or has no such folder yet
        return False
