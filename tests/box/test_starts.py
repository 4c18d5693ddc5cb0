"""A box keeps trying, with growing pauses; and a disk that takes no change keeps no server from its start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from box.program import installed, self_repair
from box.server import boot_choice, failed_starts
from box.state.paths import Paths
from box.store import confirmations, integrity, releases
from tests.box.shop import Box, Key, make_release


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
        assert boot_choice.recover(paths) == old.name
    assert releases.current(paths) == new.name, "the disk took no change"
    assert releases.to_run(paths) == old.name
    assert boot_choice.recover(paths) == old.name
    assert (releases.current(paths), releases.to_run(paths)) == (old.name, old.name)
    assert not paths.instead.is_symlink()


def test_a_new_key_does_not_bar_the_way_back(box: Box, tmp_path: Path) -> None:
    """What the box has confirmed itself it may go back to; what it has not, needs a key that it trusts."""
    first, second, third = (make_release(version, tmp_path, config=f"{version}\n") for version in ("1.0", "2.0", "3.0"))
    box.deploy(first)
    box.deploy(second)
    box.take(third)
    other = Key.make(tmp_path, "another@workstation")
    box.ask("provision", stdin=other.allowed_signers.encode())
    assert "does not trust" in box.refused("activate", third.name)["error"]
    assert box.ask("rollback")["release"] == first.name
    box.ask("confirm", first.name)
    assert box.answers_with() == "1.0"
    assert confirmations.latest_first(box.paths) == [first.name, second.name]


def test_what_was_damaged_of_the_units_is_put_back(box: Box) -> None:
    units = (box.paths.unit, box.paths.mending_unit, box.paths.journal_settings)
    whole = [unit.read_bytes() for unit in units]
    units[0].write_bytes(b"")
    units[1].unlink()
    units[2].write_bytes(b"\x00\xff")
    assert installed.altered(box.paths) == list(units)
    assert len(self_repair.mend(box.paths, starting=True)) == 3
    assert [unit.read_bytes() for unit in units] == whole
    assert self_repair.mend(box.paths, starting=True) == []


def test_the_units_start_the_first_whole_copy_of_the_program(tmp_path: Path) -> None:
    """The words between the quotes, as systemd would hand them to Python, in a folder of the test's own."""
    from common import program_copies
    from kit.bundle import program

    home = tmp_path / "home"
    copy = home / "releases/r1/box.pyz"
    copy.parent.mkdir(parents=True)
    (home / "box.pyz").write_bytes(program.pack()[:-100])
    source = program_copies.RUN.replace("/opt/vision-serve/", f"{home}/")

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", source, "--version"], capture_output=True, text=True)

    assert "no copy of box.pyz on this box is whole" in run().stderr
    copy.write_bytes(program.pack())
    assert (run().returncode, run().stdout.strip()) == (0, "0.2.0")


def test_a_release_keeps_files_of_its_own(box: Box, tmp_path: Path) -> None:
    """What damages a file that two releases have in common takes one of them."""
    first, second = make_release("1.0", tmp_path), make_release("2.0", tmp_path)
    box.deploy(first)
    box.deploy(second)
    shared = "config/config.properties"
    with (box.paths.release(second.name) / shared).open("r+b") as file:
        file.truncate(1)
    assert integrity.damage(box.paths, second.name)
    assert integrity.damage(box.paths, first.name) == []
