"""What boxes recorded, fetched to the workstation."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from common.watch.record import reading, recorder
from kit.fleet.host import records, survey
from kit.fleet.ssh.remote import Event, Remote
from kit.report import copies
from tests.kit.fleet.conftest import Shop
from tests.kit.report.conftest import UNTIL, minute


@pytest.fixture
def kept(shop: Shop, tmp_path: Path) -> Shop:
    shop.deploy("r0")
    for box in shop.remotes:
        path = tmp_path / f"{box}.sqlite"
        shop.state(box)["record"] = str(path)
        write(path, 0, 60)
    return shop


def write(path: Path, first: int, last: int) -> None:
    with closing(recorder.connect(path)) as connection:
        minutes = {UNTIL + 60 * number: minute(number + 1) for number in range(first, last)}
        recorder.write(connection, minutes, [(UNTIL + 60 * first, "switched", f"r{first}")])


def test_only_what_is_new_is_sent(kept: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    call = survey.call

    def noted(remote: Remote, verb: str, *arguments: str) -> Event:
        asked.append(list(arguments))
        return call(remote, verb, *arguments)

    monkeypatch.setattr(survey, "call", noted)
    assert [one.error for one in records.fetch(kept.remotes, tmp_path / "copies", 4)] == [""] * 5
    write(tmp_path / "b1.sqlite", 60, 90)
    records.fetch(kept.remotes, tmp_path / "copies", 4)
    assert {word for _, word in asked[:5]} == {"0.0"}
    assert {float(word) for _, word in asked[5:]} == {UNTIL + 3540.0}
    for box, count in (("b1", 90), ("b2", 60)):
        found = reading.read(copies.path(tmp_path / "copies", box), 0)
        assert found == reading.read(tmp_path / f"{box}.sqlite", 0)
        assert len(found.minutes) == count


def test_a_box_that_is_out_of_reach_keeps_its_copy(kept: Shop, tmp_path: Path) -> None:
    records.fetch(kept.remotes, tmp_path / "copies", 4)
    kept.remotes["b2"].down = True
    answers = records.fetch(kept.remotes, tmp_path / "copies", 4)
    assert answers[1].error.startswith("out of reach")
    assert len(reading.read(copies.path(tmp_path / "copies", "b2"), 0).minutes) == 60


def test_a_box_of_before_there_were_records_says_so(
    kept: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def old(remote: Remote, verb: str, *arguments: str) -> Event:
        return {"ok": False, "error": "argument VERB: invalid choice: 'record' (choose from 'provision', …)"}

    monkeypatch.setattr(survey, "call", old)
    answers = records.fetch(kept.remotes, tmp_path / "copies", 4)
    assert {one.error for one in answers} == {"it keeps no record yet: deploy a newer bundle"}


def test_a_record_that_no_one_can_read_is_told_and_the_others_come(kept: Shop, tmp_path: Path) -> None:
    (tmp_path / "b3.sqlite").write_bytes(b"noise" * 1000)
    answers = {one.box: one.error for one in records.fetch(kept.remotes, tmp_path / "copies", 4)}
    assert "cannot be read" in answers.pop("b3")
    assert set(answers.values()) == {""}
