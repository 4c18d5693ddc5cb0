"""Is there room? Asked before anything is changed, and answered with figures."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from box.errors import SpaceError

MEGABYTE = 1_000_000
# Left free on the disk: for history, logs, and whoever has to repair the box.
RESERVE = 64 * MEGABYTE


def free_bytes(folder: Path) -> int:
    """What this process may still write there (root also uses the blocks kept for it). `folder` need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    figures = os.statvfs(folder)
    return (figures.f_bfree if os.geteuid() == 0 else figures.f_bavail) * figures.f_frsize


def require(folder: Path, needed: int, what_for: str) -> None:
    """Raises SpaceError unless `needed` bytes and the reserve are free."""
    free = free_bytes(folder)
    if free < needed + RESERVE:
        raise SpaceError(
            f"the disk is too full: {what_for} needs {megabytes(needed)} and {megabytes(RESERVE)} are to stay free, "
            f"but {folder} has {megabytes(free)} free",
            f"free {megabytes(needed + RESERVE - free)} on this disk, then repeat; nothing was changed",
        )


@contextmanager
def explained(folder: Path, what: str) -> Iterator[None]:
    """A disk that fills up in the middle of `what` becomes a SpaceError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SpaceError(
            f"the disk filled up during {what}: {megabytes(free_bytes(folder))} are free at {folder}",
            "free space on this disk, then repeat",
        ) from None


def megabytes(count: float) -> str:
    return f"{count / MEGABYTE:,.0f} MB"
