"""Which pictures are left for a candidate, and which are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import shadow
from kit.serving.shadow import candidate, comparing
from shadow import ENDING, MOST, VARIABLE, Shadow

PICTURE = b"\xff\xd8\xff\n picture"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shelf").mkdir()
    ask_for(tmp_path, beside="1.0", share=1.0)
    return tmp_path


def ask_for(folder: Path, **told: object) -> None:
    (folder / "shelf.json").write_text(json.dumps(told))


def left(folder: Path) -> list[Path]:
    return sorted((folder / "shelf").glob(f"*{ENDING}"))


def leaving(folder: Path, version: str = "1.0") -> Shadow:
    return Shadow("shelf", version, {VARIABLE: str(folder)})


def test_a_picture_lies_behind_what_was_answered(folder: Path) -> None:
    leaving(folder).offer(PICTURE, "Lime", 0.75, 0.008)
    (file,) = left(folder)
    head, _, picture = file.read_bytes().partition(b"\n")
    assert json.loads(head) == {"label": "Lime", "confidence": 0.75, "seconds": 0.008}
    assert picture == PICTURE
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(list((folder / "shelf").iterdir())) == 1


def test_it_is_the_share_that_was_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_for(folder, beside="1.0", share=0.1)
    drawn = iter([0.05, 0.5, 0.0999, 0.1, 0.9])
    monkeypatch.setattr("shadow.random.random", lambda: next(drawn))
    made = leaving(folder)
    for _ in range(5):
        made.offer(PICTURE, "Lime", 0.75, 0.008)
    assert len(left(folder)) == 2


def test_no_more_are_left_than_are_fetched(folder: Path) -> None:
    made = leaving(folder)
    for _ in range(3 * MOST):
        made.offer(PICTURE, "Lime", 0.75, 0.008)
    assert len(left(folder)) == MOST
    left(folder)[0].unlink()
    made.offer(PICTURE, "Lime", 0.75, 0.008)
    assert len(left(folder)) == MOST


def test_another_version_no_folder_and_no_candidate_leave_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving(folder, "2.0").offer(PICTURE, "Lime", 0.75, 0.008)
    Shadow("shelf", "1.0", {}).offer(PICTURE, "Lime", 0.75, 0.008)
    Shadow("wine", "1.0", {VARIABLE: str(folder)}).offer(PICTURE, "Lime", 0.75, 0.008)
    assert left(folder) == []
    made = leaving(folder)
    made.offer(PICTURE, "Lime", 0.75, 0.008)
    (folder / "shelf.json").unlink()
    monkeypatch.setattr("shadow.LOOK_SECONDS", 0.0)
    made.offer(PICTURE, "Lime", 0.75, 0.008)
    assert len(left(folder)) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"beside": "1.0"}', '{"beside": "1.0", "share": "x"}'])
def test_damaged_settings_leave_none(folder: Path, text: str) -> None:
    (folder / "shelf.json").write_text(text)
    leaving(folder).offer(PICTURE, "Lime", 0.75, 0.008)
    assert left(folder) == []


def test_a_folder_that_went_away_is_no_client_s_matter(folder: Path) -> None:
    (folder / "shelf").rmdir()
    leaving(folder).offer(PICTURE, "Lime", 0.75, 0.008)


def test_both_sides_know_the_same_names() -> None:
    assert (shadow.VARIABLE, shadow.ENDING) == (candidate.VARIABLE, comparing.ENDING)
