from pathlib import Path

import pytest
from PIL import Image

from kit.errors import KitError, UsageError
from kit.model import pictures


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9)).save(folder / name)


def test_folders_named_like_the_labels_label_their_pictures(tmp_path: Path) -> None:
    put(tmp_path, "b/2.PNG", "a/1.jpg")
    (tmp_path / "a" / "notes.txt").write_text("not a picture")
    found = pictures.find(tmp_path, ["a", "b", "c"])
    assert [(picture.file.name, picture.label) for picture in found] == [("1.jpg", "a"), ("2.PNG", "b")]


def test_with_one_folder_that_is_no_label_none_is_labelled(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "z/2.jpg")
    assert {picture.label for picture in pictures.find(tmp_path, ["a"])} == {None}


def test_pictures_without_folders_are_unlabelled(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg")
    assert pictures.find(tmp_path, ["a"])[0].label is None


def test_a_gray_picture_opens_as_rgb(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg")
    assert pictures.find(tmp_path, [])[0].open().mode == "RGB"


def test_no_folder_and_no_picture_are_wrong_use(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UsageError, match=str(folder)):
            pictures.find(folder, [])


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    with pytest.raises(KitError, match=r"broken\.jpg is no readable picture"):
        pictures.find(tmp_path, [])[0].open()


def test_some_pictures_are_spread_over_all() -> None:
    numbered = [pictures.Picture(Path(str(index)), None) for index in range(10)]
    assert [picture.file.name for picture in pictures.some(numbered, 4)] == ["0", "2", "5", "7"]
    assert pictures.some(numbered, 10) is numbered
