"""What the kernel is told of a worker's process."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # <linux/prctl.h>
LIKELIER_KILLED = "100"  # of 1000: when memory runs out a worker goes before the parent, with whom all would
# As `top` shows them; at most 15 bytes. Their command lines are those of the process that they were forked from.
IMPORTER, PARENT, WORKER = "model-importer", "model-parent", "model-worker"


def name(words: str) -> None:
    _prctl(PR_SET_NAME, words.encode())


def die_with(parent: int) -> None:
    """SIGKILL for this process when its parent ends, and the first choice for the kernel when memory runs out."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended in between
        os._exit(1)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(LIKELIER_KILLED)


def _prctl(option: int, value: Any) -> None:
    libc: Any = ctypes.CDLL(None, use_errno=True)
    libc.prctl(option, value)
