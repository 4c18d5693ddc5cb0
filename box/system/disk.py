"""Does a disk take what is written to it, and is that still there after the next boot?"""

from __future__ import annotations

import errno
import fcntl
import struct
import tempfile
from pathlib import Path

IN_MEMORY = ("tmpfs", "ramfs")
OVERLAY = "overlay"
# From Linux's fiemap.h: where on its disk does a file lie? An overlay passes the question on to the file system that
# was written to, and one in memory cannot answer it.
FS_IOC_FIEMAP = 0xC020660B
FIEMAP_FLAG_SYNC = 1
WHOLE_FILE = (1 << 64) - 1
MOUNTINFO = Path("/proc/self/mountinfo")


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder


def unwritable(folder: Path, mountinfo: str | None = None) -> str:
    """Why nothing can be written there, "" when it can. The mount's own word is enough, but for an overlay's: that is
    writable for itself whatever has become of the file system below, so it is tried."""
    place = existing(folder)
    kind, options = mount_of(place, mountinfo)
    read_only = "ro" in options
    if not read_only and kind == OVERLAY:
        try:
            tempfile.TemporaryFile(dir=place).close()
        except OSError as error:
            read_only = error.errno in (errno.EROFS, errno.EIO)
    if not read_only:
        return ""
    return f"the disk of {place} is read-only (so the kernel leaves one that fails, and so an SD card dies)"


def passing(folder: Path, mountinfo: str | None = None) -> str:
    """Why what is written there is gone at the next boot, "" when it stays. Writes a file, and removes it.

    Raises OSError when nothing can be written."""
    place = existing(folder)
    kind, _ = mount_of(place, mountinfo)
    if kind in IN_MEMORY or (kind == OVERLAY and not _lies_on_a_disk(place)):
        return f"what is written to {place} is kept in memory ({kind}), and gone at the next boot"
    return ""


def mount_of(folder: Path, mountinfo: str | None = None) -> tuple[str, list[str]]:
    """The type of the file system that holds it, and the options of its mount and its own, by /proc/<pid>/mountinfo
    (proc(5)); of two on one place those of the last."""
    best, found = -1, ("", [""])
    for line in (MOUNTINFO.read_text() if mountinfo is None else mountinfo).splitlines():
        left, _, right = line.partition(" - ")
        mount, system = left.split(), right.split()
        point = Path(mount[4].encode().decode("unicode_escape"))
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), (system[0], [*mount[5].split(","), *system[2].split(",")])
    return found


def _lies_on_a_disk(folder: Path) -> bool:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".look-") as file:
        file.write(b"?" * 4096)
        file.flush()
        question = bytearray(struct.pack("=QQLLLL", 0, WHOLE_FILE, FIEMAP_FLAG_SYNC, 0, 0, 0))
        try:
            fcntl.ioctl(file.fileno(), FS_IOC_FIEMAP, question)
        except OSError as error:
            return error.errno not in (errno.EOPNOTSUPP, errno.ENOTTY)
    return True
