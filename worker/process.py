"""What the kernel is told of a worker's process."""

from __future__ import annotations

import ctypes
import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # <linux/prctl.h>
MADV_DONTNEED = 4  # <sys/mman.h>
# A mapping in /proc/self/smaps: its ends, r-xp, offset, device, inode.
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+)")
WRITTEN = re.compile(r"(?:Anonymous|Swap): +[1-9]")
PF_EXITING = 0x4  # <linux/sched.h>
LIKELIER_KILLED = "100"  # of 1000: when memory runs out a worker goes before the parent, with whom all would
# As `top` shows them; at most 15 bytes. Their command lines are those of the process that they were forked from.
IMPORTER, PARENT, WORKER = "model-importer", "model-parent", "model-worker"


def name(words: str) -> None:
    _prctl(PR_SET_NAME, words.encode())


def is_ending(pid: int) -> bool:
    """Whether this child, not waited for yet, has died or is about to: before its sockets are closed, and so before
    anybody can have noticed."""
    told = Path(f"/proc/{pid}/stat").read_text()  # its name, which may hold anything, is in brackets
    return bool(int(told.rpartition(")")[2].split()[6]) & PF_EXITING)


def die_with(parent: int) -> None:
    """SIGKILL for this process when its parent ends, and the first choice for the kernel when memory runs out."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended in between
        os._exit(1)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(LIKELIER_KILLED)


def forget_read_pages() -> None:
    """Let go of what was only read of libraries, for a process that from now on does little but fork.

    `import torch` touches 285 MB of the CUDA build's: they stay in the kernel's cache, and come back when touched.
    """
    libc: Any = ctypes.CDLL(None)
    for start, end in read_only_mappings(Path("/proc/self/smaps").read_text()):
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)


def read_only_mappings(smaps: str) -> Iterator[tuple[int, int]]:
    """Where the process has a file in memory that it can neither write to nor has changed: relocated pages, which a
    linker writes and then protects, would be lost."""
    for part in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", smaps):
        mapping = MAPPING.match(part)
        if mapping and mapping[3] in ("r--p", "r-xp") and mapping[4] != "0" and not WRITTEN.search(part):
            yield int(mapping[1], 16), int(mapping[2], 16)


def _prctl(option: int, value: Any) -> None:
    libc: Any = ctypes.CDLL(None, use_errno=True)
    libc.prctl(option, value)
