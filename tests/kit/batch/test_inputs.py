"""What IMAGE names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.errors import UsageError
from kit.batch import inputs

LABELS = ["Apple", "Pear"]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("Apple/1.jpg", "Apple/2.PNG", "Pear/3.jpg", "Pear/notes.md"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return tmp_path / "photos"


def found(wanted: str, labels: list[str] | None = LABELS) -> list[tuple[str, str | None]]:
    return [(picture.file.name, picture.label) for picture in inputs.many(wanted, labels).pictures]


def test_one_picture_is_one_whatever_its_name(photos: Path) -> None:
    assert inputs.single(str(photos / "Apple/1.jpg")) == photos / "Apple/1.jpg"
    assert inputs.single(str(photos / "Pear/notes.md")) == photos / "Pear/notes.md"
    assert inputs.single(str(photos)) is None
    assert inputs.single(str(photos / "absent.jpg")) is None


def test_a_folder_is_all_pictures_below_it_and_their_labels(photos: Path) -> None:
    assert found("photos") == [("1.jpg", "Apple"), ("2.PNG", "Apple"), ("3.jpg", "Pear")]
    assert found("photos", None) == [("1.jpg", None), ("2.PNG", None), ("3.jpg", None)]


@pytest.mark.parametrize("pattern", ["photos/*/*.jpg", "photos/**/*.jpg", "photos/Apple/1.jpg 'photos/Pear/*'"])
def test_a_pattern_and_several_names(photos: Path, pattern: str) -> None:
    assert ("1.jpg", "Apple") in found(pattern)
    assert ("3.jpg", "Pear") in found(pattern)
    assert ("2.PNG", "Apple") not in found(pattern)


def test_a_file_whose_name_looks_like_a_pattern(photos: Path) -> None:
    (photos / "Apple" / "a[1].jpg").write_bytes(b"x")
    assert inputs.single("photos/Apple/a[1].jpg") == Path("photos/Apple/a[1].jpg")


def test_a_list_has_a_path_a_line_also_of_what_is_not_there(photos: Path) -> None:
    Path("list.txt").write_text("photos/Pear/3.jpg\n\nphotos/Apple/gone.jpg\nphotos/Pear/3.jpg\n")
    assert inputs.single("list.txt") is None
    assert found("list.txt") == [("3.jpg", "Pear"), ("gone.jpg", "Apple")]
    assert found("list.txt", None) == [("3.jpg", None), ("gone.jpg", None)]


def test_a_list_may_hold_names_that_are_not_utf8(photos: Path) -> None:
    Path("list.lst").write_bytes(b"photos/Apple/\xff.jpg\n")
    (picture,) = inputs.many("list.lst", None).pictures
    assert os.fsencode(picture.file) == b"photos/Apple/\xff.jpg"


@pytest.mark.parametrize("wanted", ["absent", "photos/*.gif", "empty", "blank.txt"])
def test_nothing_is_refused(photos: Path, wanted: str) -> None:
    Path("empty").mkdir()
    Path("blank.txt").write_text("\n \n")
    with pytest.raises(UsageError, match="IMAGE="):
        inputs.many(wanted, LABELS)
