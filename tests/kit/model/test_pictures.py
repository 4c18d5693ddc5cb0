import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from common.errors import UsageError
from kit.model.pictures import choosing
from kit.model.pictures.choosing import Found


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9)).save(folder / name, "PNG")


def find(folder: Path | str, *labels: str) -> Found:
    return choosing.find(str(folder), "PICTURES", labels)


def names(found: Found) -> list[tuple[str, str | None]]:
    return [(picture.file.name, picture.label) for picture in found.pictures]


def test_folders_named_like_the_labels_label_their_pictures(tmp_path: Path) -> None:
    put(tmp_path, "b/2.PNG", "a/1.jpg")
    (tmp_path / "a" / "notes.txt").write_text("not a picture")
    found = find(tmp_path, "a", "b", "c")
    assert (names(found), found.notes) == ([("1.jpg", "a"), ("2.PNG", "b")], ())


def test_names_match_whatever_the_case_or_the_form_of_their_accents(tmp_path: Path) -> None:
    put(tmp_path, f"{unicodedata.normalize('NFD', 'açaí')}/1.jpg", "BANANA/2.jpg", "STRASSE/3.jpg")
    found = find(tmp_path, unicodedata.normalize("NFC", "Açaí"), "Banana", "straße")
    assert {label for _, label in names(found)} == {unicodedata.normalize("NFC", "Açaí"), "Banana", "straße"}


def test_folders_of_labels_may_lie_deeper(tmp_path: Path) -> None:
    put(tmp_path, "holdout/val/a/1.jpg")
    assert names(find(tmp_path, "a")) == [("1.jpg", "a")]


def test_one_folder_that_is_no_label_is_named_with_what_it_may_mean(tmp_path: Path) -> None:
    put(tmp_path, "Banana/1.jpg", "Lemmon/2.jpg", "Lemmon/3.jpg")
    found = find(tmp_path, "Banana", "Lemon")
    assert {label for _, label in names(found)} == {None}
    assert found.notes == (
        "PICTURES: no label is called like the folder Lemmon, with 2 of them (did you mean Lemon?), "
        "so there is no accuracy to tell",
    )


def test_pictures_without_folders_of_labels_are_unlabelled_and_it_is_said(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg")
    found = find(tmp_path, "a")
    assert names(found) == [("1.jpg", None)]
    assert "the folders are not named by the model's labels" in found.notes[0]


def test_for_calibration_nobody_asks_for_labels(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg")
    assert choosing.find(str(tmp_path), "CALIBRATION").notes == ()


def test_litter_is_passed_over_and_counted(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "a/._1.jpg", "__MACOSX/a/1.jpg", ".ipynb_checkpoints/1-checkpoint.jpg", "a/.thumbs/1.png")
    (tmp_path / "a" / "empty.jpg").touch()
    for name in ("2.HEIC", "3.heic", "4.jxl"):
        (tmp_path / "a" / name).write_bytes(b"x")
    found = find(tmp_path, "a")
    assert names(found) == [("1.jpg", "a")]
    assert found.notes == (
        "PICTURES: passed over 2 .heic files, a kind that is not read: save them as JPEG",
        "PICTURES: passed over 1 .jxl file, a kind that is not read: save it as JPEG",
        "PICTURES: passed over 1 empty file",
        "PICTURES: passed over 4 hidden files (._*, __MACOSX and the like)",
    )


def test_a_picture_or_several_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a b/1 2.jpg", "it's.png", "3.bin")
    assert names(find(tmp_path / "a b" / "1 2.jpg"))[0][0] == "1 2.jpg"
    assert names(find(tmp_path / "it's.png"))[0][0] == "it's.png"
    assert names(find(tmp_path / "3.bin"))[0][0] == "3.bin"  # asked for by name
    monkeypatch.chdir(tmp_path)
    assert [name for name, _ in names(find("'a b' it\\'s.png 3.bin"))] == ["1 2.jpg", "it's.png", "3.bin"]


def test_names_of_any_bytes_and_length_are_found(tmp_path: Path) -> None:
    for name in (b"caf\xe9.jpg", b"x" * 246 + b".jpg"):
        put(tmp_path, os.fsdecode(name))
    assert len(find(tmp_path).pictures) == 2


@pytest.mark.parametrize("wanted", ["absent", "absent.jpg", "there.jpg absent.jpg", "it's absent"])
def test_what_is_not_there_is_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "there.jpg")
    with pytest.raises(UsageError, match=f"PICTURES={wanted}: .*absent.* does not exist"):
        find(wanted)


def test_a_folder_without_pictures_is_wrong_use_and_says_what_was_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1.heic").write_bytes(b"x")
    with pytest.raises(UsageError, match="there is no picture in PICTURES=") as raised:
        find(tmp_path)
    assert "passed over 1 .heic" in raised.value.hint


def test_some_pictures_are_spread_over_all() -> None:
    numbered = [choosing.Picture(Path(str(index)), None) for index in range(10)]
    assert [picture.file.name for picture in choosing.some(numbered, 4)] == ["0", "2", "5", "7"]
    assert choosing.some(numbered, 10) is numbered
