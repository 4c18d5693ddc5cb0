"""A box keeps trying, with growing pauses; and a disk that takes no change keeps no server from its start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from box import (
    confirmations,
    disk,
    failed_starts,
    installed,
    memory,
    mending,
    recover,
    releases,
    runtime_files,
    settings,
    space,
    torch_check,
    wholeness,
)
from box.errors import SpaceError
from box.paths import Paths
from tests.box.shop import Box, Key, make_release

MOUNTINFO = """\
22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/root rw
23 22 0:21 / /run rw,nosuid,nodev,noexec - tmpfs tmpfs rw,size=100m
24 22 0:22 / /opt/vision\\040serve rw - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c
25 24 0:23 / /opt/vision\\040serve rw - tmpfs none rw
26 22 0:24 / /opt2 rw - ramfs none rw
"""


def test_pauses_grow_to_some_minutes_and_never_end() -> None:
    pauses = [failed_starts.pause(failed) for failed in range(12)]
    assert pauses[:6] == [0.0, 0.0, 5.0, 15.0, 35.0, 75.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == failed_starts.pause(10_000) == failed_starts.LONGEST_SECONDS
    assert [failed for failed in range(25) if failed_starts.looks_like_damage(failed)] == [1, 10, 20]


def test_starts_are_counted_until_one_answers(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    (tmp_path / "run").mkdir()
    assert [failed_starts.count(paths) for _ in range(3)] == [0, 1, 2]
    paths.failed_starts.write_bytes(b"\xff noise")
    assert failed_starts.count(paths) == 0
    failed_starts.forget(paths)
    assert failed_starts.count(paths) == 0


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


def read_only(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Nothing below these folders can be changed, as far as this process goes."""

    def guarded(name: str) -> None:
        real = getattr(os, name)

        def refuse(path: object, *arguments: object, **options: object) -> object:
            changing = name != "open" or int(arguments[0]) & (os.O_WRONLY | os.O_RDWR)  # type: ignore[call-overload]
            for place in (path, *arguments[:1]):
                inside = isinstance(place, str | Path) and any(Path(place).is_relative_to(folder) for folder in folders)
                if inside and changing:
                    raise OSError(30, "Read-only file system", str(place))
            return real(path, *arguments, **options)

        monkeypatch.setattr(os, name, refuse)

    for name in ("open", "unlink", "symlink", "rename", "replace", "link", "mkdir"):
        guarded(name)


def test_a_read_only_disk_starts_what_was_confirmed(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power went during a trial, and the disk came back read-only: `current` cannot be moved."""
    old, new = make_release("1.0", tmp_path), make_release("2.0", tmp_path)
    for release in (old, new):
        box.take(release)
    paths = box.paths
    releases.switch(paths, paths.confirmed, old.name)
    releases.switch(paths, paths.current, new.name)
    (box.root / "run").mkdir(exist_ok=True)
    with monkeypatch.context() as patch:
        read_only(patch, paths.home, paths.state, paths.settings.parent)
        assert recover.recover(paths) == old.name
    assert releases.current(paths) == new.name, "the disk took no change"
    assert releases.to_run(paths) == old.name
    assert recover.recover(paths) == old.name
    assert (releases.current(paths), releases.to_run(paths)) == (old.name, old.name)
    assert not paths.instead.is_symlink()


def test_a_new_key_does_not_bar_the_way_back(box: Box, tmp_path: Path) -> None:
    """What the box has confirmed itself it may go back to; what it has not, needs a key that it trusts."""
    first, second, third = (make_release(version, tmp_path, config=f"{version}\n") for version in ("1.0", "2.0", "3.0"))
    box.deploy(first)
    box.deploy(second)
    box.take(third)
    other = Key.make(tmp_path, "another@desk")
    box.ask("provision", stdin=other.allowed_signers.encode())
    assert "does not trust" in box.refused("activate", third.name)["error"]
    assert box.ask("rollback")["release"] == first.name
    box.ask("confirm", first.name)
    assert box.answers_with() == "1.0"
    assert confirmations.latest_first(box.paths) == [first.name, second.name]


def test_settings_edited_by_hand_have_a_copy_from_the_next_start_on(box: Box) -> None:
    edited = settings.Settings("http://127.0.0.1:9999", 5)
    box.paths.settings.write_bytes(settings.text(edited))
    recover.recover(box.paths)
    box.paths.settings.write_bytes(b"")
    assert settings.load(box.paths) == edited
    assert "is not JSON" in settings.problem(box.paths)


def test_an_address_that_was_torn_is_not_put_back(box: Box) -> None:
    before = settings.load(box.paths)
    box.paths.address_before.write_bytes(b"http://127.0")
    recover.recover(box.paths)
    assert settings.load(box.paths) == before
    assert not box.paths.address_before.exists()


def test_what_was_damaged_of_the_units_is_put_back(box: Box) -> None:
    units = (box.paths.unit, box.paths.mending_unit, box.paths.journal_settings)
    whole = [unit.read_bytes() for unit in units]
    units[0].write_bytes(b"")
    units[1].unlink()
    units[2].write_bytes(b"\x00\xff")
    assert installed.altered(box.paths) == list(units)
    assert len(mending.mend(box.paths, starting=True)) == 3
    assert [unit.read_bytes() for unit in units] == whole
    assert mending.mend(box.paths, starting=True) == []


def test_the_units_start_the_first_whole_copy_of_the_program(tmp_path: Path) -> None:
    """The words between the quotes, as systemd would hand them to Python, in a folder of the test's own."""
    from box import copies
    from kit.bundle import program

    home = tmp_path / "home"
    copy = home / "releases/r1/box.pyz"
    copy.parent.mkdir(parents=True)
    (home / "box.pyz").write_bytes(program.pack()[:-100])
    source = copies.RUN.replace("/opt/vision-serve/", f"{home}/")

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", source, "--version"], capture_output=True, text=True)

    assert "no copy of box.pyz on this box is whole" in run().stderr
    copy.write_bytes(program.pack())
    assert (run().returncode, run().stdout.strip()) == (0, "0.1.0")


def test_a_release_keeps_files_of_its_own(box: Box, tmp_path: Path) -> None:
    """What damages a file that two releases have in common takes one of them."""
    first, second = make_release("1.0", tmp_path), make_release("2.0", tmp_path)
    box.deploy(first)
    box.deploy(second)
    shared = "config/config.properties"
    with (box.paths.release(second.name) / shared).open("r+b") as file:
        file.truncate(1)
    assert wholeness.damage(box.paths, second.name)
    assert wholeness.damage(box.paths, first.name) == []


def test_a_runtime_whose_python_was_upgraded_under_it(tmp_path: Path) -> None:
    """By its link, which leads to another version now or to nothing."""
    (tmp_path / "bin").mkdir()
    system = tmp_path / "usr"
    system.mkdir()
    (system / "python3.13").touch()
    (system / "python3").symlink_to("python3.13")
    link = tmp_path / "bin/python"
    link.symlink_to(system / "python3")
    runtime_files.write_index(tmp_path)
    assert runtime_files.check(tmp_path, "3.13").damaged == ()
    (wrong,) = runtime_files.check(tmp_path, "3.11").damaged
    assert wrong == (
        "it was made for Python 3.11, and its bin/python is python3.13 now: this box's Python was upgraded"
    )
    (system / "python3").unlink()
    assert "is not there" in runtime_files.check(tmp_path, "3.11").damaged[0]


@pytest.mark.parametrize(
    ("controllers", "cgroups", "can"),
    [
        ("cpu io memory pids", None, True),
        ("cpu io pids", "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t60\t0", False),
        (None, "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t3\t60\t1", True),
        (None, None, False),
    ],
)
def test_a_kernel_whose_memory_control_group_is_off(
    tmp_path: Path, controllers: str | None, cgroups: str | None, can: bool
) -> None:
    if controllers is not None:
        (tmp_path / "cgroup.controllers").write_text(controllers)
    if cgroups is not None:
        (tmp_path / "cgroups").write_text(cgroups)
    assert memory.can_be_limited(tmp_path, tmp_path) is can


def test_a_box_json_that_cannot_be_is_replaced_and_that_is_said(box: Box) -> None:
    box.paths.settings.write_text('{"inference_address": 5, "keep": "many"}')
    (change,) = box.ask("provision")["changed"]
    assert "5 is not an address to serve on" in change
    assert settings.problem(box.paths) == ""


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("kill -ILL $$", "does not have the instructions"),
        ("echo OSError: libtorch_cpu.so: file too short >&2; exit 1", "OSError: libtorch_cpu.so: file too short"),
        ("exit 0", ""),
        ("kill -KILL $$", ""),
    ],
)
def test_why_torch_does_not_work_here(tmp_path: Path, script: str, words: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    assert words in torch_check.wrong(python)
    assert bool(torch_check.wrong(python)) == bool(words)
