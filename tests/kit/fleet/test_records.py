"""The workstation's own files: what noise has made of them is left out, and nothing is lost by a torn line."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from common.errors import KitError
from kit.fleet.inventory.fleet import Box, Fleet
from kit.fleet.rollout import history, journal
from kit.fleet.rollout.journal import Journal
from kit.fleet.rollout.workspace import Workspace, user_name
from tests.kit.fleet.conftest import Shop

ODD = [
    b"\xff\xfe\x00",
    b"[]",
    b"7",
    b"null",
    b"{",
    b"[" * 100_000,
    b'{"event": "begun"}',
    b'{"event": ["begun"], "id": {}}',
    b'{"event": "begun", "id": 7, "owner": null, "releases": 3, "what": []}',
    b'{"event": "ended", "id": [1]}',
    b'{"event": "before", "box": ["b1"], "release": {}}',
    b'{"event": "box", "kind": "taken back", "box": {}}',
    b'{"event": "start", "releases": "r1", "bundles": {"a": 1}}',
    b'{"event": "end", "verdict": 9}',
]


def noise(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"\n".join([*ODD, random.Random(4).randbytes(500)]) + b"\n")  # noqa: S311 (not a secret)


def test_noise_in_the_history_and_the_journal_is_left_out(shop: Shop) -> None:
    shop.deploy("r1")
    workspace = shop.workspace()
    noise(workspace.folder / history.HISTORY)
    noise(workspace.rollout)
    assert [run.what for run in history.runs(workspace.folder)].count("deploy") == 1
    assert journal.read(workspace.rollout).before == {f"b{number}": "" for number in range(1, 6)}
    assert not shop.deploy("r2").failed
    assert shop.confirmed() == ["r2"] * 5


def test_a_journal_says_when_its_roll_out_began(shop: Shop) -> None:
    before = time.time() - 1
    shop.deploy("r1")
    shop.deploy("r1", resume=True)
    began = journal.read(shop.workspace().rollout).began
    assert before <= began <= time.time()
    assert journal.Record({"at": "noise"}).began == 0


def test_a_folder_in_the_place_of_a_record_is_none(tmp_path: Path) -> None:
    (tmp_path / history.HISTORY).mkdir()
    assert history.runs(tmp_path) == []
    assert journal.read(tmp_path / history.HISTORY).verdict == ""


def test_a_torn_line_does_not_swallow_the_next(tmp_path: Path) -> None:
    file = tmp_path / "rollout.jsonl"
    file.write_bytes(b'{"event": "start", "what": "deploy"}\n{"event": "bef')
    Journal(file).write("before", box="b1", release="r0")
    record = journal.read(file)
    assert (record.start["what"], record.before) == ("deploy", {"b1": "r0"})


@pytest.mark.parametrize("name", ["staging", "lock", "..", ".", "history.jsonl", "unpacked-bundles", "a/../../b"])
def test_a_fleet_may_have_any_name(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path / "build", Fleet(name, name, (Box("b1"),)))
    with workspace.alone():
        assert workspace.folder.parent == tmp_path / "build/fleet"
        assert workspace.folder.is_dir()
        assert not workspace.stagings.is_relative_to(workspace.folder)
        assert not workspace.folder.is_relative_to(workspace.stagings)


def test_a_file_in_the_place_of_the_fleets_folder_is_said(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "build", Fleet("shops", "shops", (Box("b1"),)))
    workspace.folder.parent.mkdir(parents=True)
    workspace.folder.write_text("in the way")
    with pytest.raises(KitError, match="cannot be used"), workspace.alone():
        pass


def test_two_workstations_of_one_name_and_pid_are_two_owners(tmp_path: Path) -> None:
    fleet = Fleet("shops", "shops", (Box("b1"),))
    one, two = Workspace(tmp_path / "a", fleet), Workspace(tmp_path / "b", fleet)
    assert one.owner != two.owner
    assert one.owner.rpartition("-")[0] == two.owner.rpartition("-")[0]


def test_a_user_id_without_a_name_can_deploy(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", unknown)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert user_name() == "uid-12345"
