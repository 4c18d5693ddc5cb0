"""Is there room? Asked before anything is changed, and answered with figures."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from box.system import disk
from common.errors import KitError, SpaceError

MEGABYTE = 1_000_000
# Left free on the disk: for history, logs, and whoever has to repair the box.
RESERVE = 64 * MEGABYTE
# A release is some 20 files and folders, and the program, the history and the links each need one to be replaced.
RESERVED_INODES = 100


def free_bytes(folder: Path) -> int:
    """What this process may still write there (root also uses the blocks kept for it). `folder` need not exist yet."""
    figures = os.statvfs(disk.existing(folder))
    return (figures.f_bfree if os.geteuid() == 0 else figures.f_bavail) * figures.f_frsize


def free_inodes(folder: Path) -> int | None:
    """How many files may still be made there; None where the file system has no such limit."""
    figures = os.statvfs(disk.existing(folder))
    return figures.f_ffree if figures.f_files else None


def lack(folder: Path, needed: int) -> str:
    """What is missing for `needed` bytes and the reserve, with figures; "" when there is room."""
    free, inodes = free_bytes(folder), free_inodes(folder)
    if free < needed + RESERVE:
        return (
            f"needs {megabytes(needed)} and {megabytes(RESERVE)} are to stay free, "
            f"but {folder} has {megabytes(free)} free"
        )
    if inodes is not None and inodes < RESERVED_INODES:
        return f"needs {RESERVED_INODES} inodes, but {folder} has {inodes} free (and {megabytes(free)})"
    return ""


def require(folder: Path, needed: int, what_for: str) -> None:
    """Raises SpaceError unless `needed` bytes and the reserve are free, and inodes."""
    if missing := lack(folder, needed):
        more = needed + RESERVE - free_bytes(folder)
        room = f"free {megabytes(more)}" if more > 0 else "remove files that nobody needs"
        raise SpaceError(
            f"the disk is too full: {what_for} {missing}", f"{room} on this disk, then repeat; nothing was changed"
        )


@contextmanager
def explained(folder: Path, what: str) -> Iterator[None]:
    """A disk that fills up or fails in the middle of `what` becomes a KitError that says so."""
    try:
        yield
    except OSError as error:
        if told := trouble(error, folder, what):
            raise told from None
        raise


def trouble(error: OSError, folder: Path, what: str) -> KitError | None:
    """A disk's own errors, in words and with figures; None for any other."""
    place = disk.existing(folder)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        inodes = free_inodes(place)
        files = "" if inodes is None else f" and {inodes} inodes"
        return SpaceError(
            f"the disk filled up during {what}: {megabytes(free_bytes(place))}{files} are free at {place}",
            "free space on this disk, then repeat",
        )
    if error.errno in (errno.EROFS, errno.EIO):
        how = disk.unwritable(place) or f"the disk of {place} fails ({error.strerror})"
        return KitError(
            f"{what} has to write: {how}",
            "reboot the box, which checks its disk; replace the disk if that does not help",
        )
    return None


def megabytes(count: float) -> str:
    return f"{count / MEGABYTE:,.0f} MB"
