"""A box's disk: a file of fixed size that really fills up, laid over the read-only root, and whose power can be cut."""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from tests.boxes.commands import attempt, run

# From Linux's ext4.h. The file system stops at once: nothing that is not on the disk yet gets there any more.
EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_FLUSHING_ITS_LOG = 2
INODES = 60_000  # an installed runtime has some 15,000 files


@dataclass(frozen=True)
class Disk:
    """`folder` holds the disk's file and its two mount points: the disk itself, and the root that a box sees."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "disk.img"

    @property
    def mounted(self) -> Path:
        return self.folder / "disk"

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def written(self) -> Path:
        """What the box wrote, beside the layers below."""
        return self.mounted / "upper"

    def format(self, megabytes: int) -> None:
        """Fewer inodes than usual, so that a test runs out of them in seconds; many more than a box needs."""
        for folder in (self.mounted, self.root):
            folder.mkdir(parents=True, exist_ok=True)
        with self.file.open("wb") as file:
            file.truncate(megabytes << 20)
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-N", str(INODES), str(self.file))

    def mount(self, layers: list[Path], read_only: bool = False) -> None:
        """Put the disk over `layers`, the uppermost first."""
        if read_only:
            run("mount", "-o", "loop,ro", str(self.file), str(self.mounted))
            below = ":".join(str(layer) for layer in (self.written, *layers))
            run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={below},redirect_dir=follow", str(self.root))
            return
        # As Debian mounts a root file system: one that is found broken goes on read-only.
        run("mount", "-o", "loop,errors=remount-ro", str(self.file), str(self.mounted))
        work = self.mounted / "work"
        for folder in (self.written, work):
            folder.mkdir(exist_ok=True)
        below = ":".join(str(layer) for layer in layers)
        options = f"lowerdir={below},upperdir={self.written},workdir={work},redirect_dir=on"
        run("mount", "-t", "overlay", "overlay", "-o", options, str(self.root))

    def sync(self) -> None:
        run("sync", "--file-system", str(self.mounted))

    def fail(self) -> None:
        """The file system finds itself broken, and is read-only from now on: an SD card's way to die."""
        device = Path(run("findmnt", "--noheadings", "--output=SOURCE", str(self.mounted)).strip())
        Path(f"/sys/fs/ext4/{device.name}/trigger_fs_error").write_text("1", encoding="ascii")

    def check(self) -> None:
        """What the boot after that does: e2fsck. Of a disk that is not mounted."""
        done = attempt("e2fsck", "-f", "-y", str(self.file))
        if done.returncode > 1:  # 1: errors were corrected
            raise RuntimeError(f"e2fsck ended with {done.returncode}: {done.stdout}")

    def lose_power(self) -> None:
        """From now on nothing reaches the disk: what was written and not synced is gone at the next mount."""
        handle = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING_ITS_LOG))
        finally:
            os.close(handle)


def mounts_below(folder: Path) -> list[Path]:
    """What is mounted in `folder`, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = [Path(line.split()[4]) for line in lines]
    return [point for point in reversed(points) if point.is_relative_to(folder)]


def unmount_below(folder: Path) -> None:
    for point in mounts_below(folder):
        run("umount", str(point))
