"""Which file system holds a folder, whether it can be written, and whether it keeps what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from box.system import disk, space
from common.errors import SpaceError

MOUNTINFO = """\
22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/root rw
23 22 0:21 / /run rw,nosuid,nodev,noexec - tmpfs tmpfs rw,size=100m
24 22 0:22 / /opt/vision\\040serve rw - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c
25 24 0:23 / /opt/vision\\040serve rw - tmpfs none rw
26 22 0:24 / /opt2 rw - ramfs none rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/opt", "ext4"), ("/run/x/y", "tmpfs"), ("/opt/vision serve", "tmpfs"), ("/opt2/x", "ramfs"), ("/opt22", "ext4")],
)
def test_the_file_system_that_holds_a_folder(folder: str, kind: str) -> None:
    assert disk.mount_of(Path(folder), MOUNTINFO)[0] == kind


@pytest.mark.parametrize(
    "line", ["/ / ro,relatime - ext4 /dev/root rw", "/ / rw - ext4 /dev/root ro,errors=remount-ro"]
)
def test_a_disk_gone_read_only_is_told_by_its_mount(tmp_path: Path, line: str) -> None:
    assert "is read-only" in disk.unwritable(tmp_path / "not/there", f"1 1 8:2 {line}")
    assert disk.unwritable(tmp_path, "1 1 8:2 / / rw,errors=remount-ro - ext4 /dev/root rw") == ""


def test_what_lies_in_memory_is_gone_at_the_next_boot(tmp_path: Path) -> None:
    assert disk.passing(tmp_path, "1 1 8:2 / / rw - ext4 /dev/root rw") == ""
    assert "kept in memory (tmpfs)" in disk.passing(tmp_path / "not/there/yet", "1 1 0:2 / / rw - tmpfs none rw")


def test_no_inodes_left_is_said_with_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "free_inodes", lambda _: 3)
    with pytest.raises(SpaceError, match=r"needs 100 inodes, but .* has 3 free"):
        space.require(tmp_path, 0, "a release")
    expected = pytest.raises(SpaceError, match=r"the disk filled up during lock: .* MB and 3 inodes are free at")
    with expected, space.explained(tmp_path, "lock"):
        raise OSError(28, "No space left on device")
