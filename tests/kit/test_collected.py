"""Pictures from servers, in folders that a person sorts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from common.samples import Sample
from kit.collected import Collection
from kit.model.pictures import choosing

ONE = Sample("2026-12-14/doubtful/x.jpg", "Oat-Milk", 0.31, "20261130T091403Z", "6a09e667f3bc", 3)
OTHER = replace(ONE, path="2026-12-14/random/y.png", sha256="bb67ae8584ca", label="Kiwi")


def test_pictures_lie_in_a_folder_named_by_their_answer_and_are_a_set_for_checking(tmp_path: Path) -> None:
    made = Collection(tmp_path / "collected")
    for sample in (ONE, OTHER):
        made.add("till:7", sample, b"abc")
    assert (tmp_path / "collected/Oat-Milk/0.31_till-7_20261130T091403Z_6a09e667f3bc.jpg").read_bytes() == b"abc"
    assert (tmp_path / "collected/Kiwi").is_dir()
    found = choosing.find(str(tmp_path / "collected"), "PICTURES", ["Kiwi", "Oat-Milk"])
    assert [one.label for one in found.pictures] == ["Kiwi", "Oat-Milk"] and found.notes == ()
    files = [path for path in (tmp_path / "collected").rglob("*.???") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (tmp_path / "collected").stat().st_mode & 0o777 == 0o700


def test_what_was_moved_or_thrown_away_does_not_come_again(tmp_path: Path) -> None:
    made = Collection(tmp_path)
    twice = replace(ONE, path="2026-12-14/random/z.jpg")
    assert made.wanted("till", [ONE, twice, OTHER]) == [twice, OTHER]
    made.add("till", ONE, b"abc")
    next((tmp_path / "Oat-Milk").iterdir()).unlink()
    again = Collection(tmp_path)
    assert again.wanted("till", [ONE, OTHER]) == [OTHER]
    assert again.wanted("another till", [ONE]) == [ONE]


def test_a_label_is_a_folder_below_and_never_one_elsewhere(tmp_path: Path) -> None:
    made = Collection(tmp_path / "collected")
    for number, label in enumerate(("../../etc", "a/b", "..", ".", "")):
        made.add("till", replace(ONE, label=label, sha256=f"{number:012}"), b"abc")
    assert {path.name for path in tmp_path.iterdir()} == {"collected"}
    assert {path.parent.parent for path in (tmp_path / "collected").rglob("*.jpg")} == {tmp_path / "collected"}
