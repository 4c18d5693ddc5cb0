from pathlib import Path

import pytest

from common.errors import KitError
from kit import golden
from kit.files import write_json


@pytest.fixture
def banana(tmp_path: Path) -> golden.Golden:
    pictures = [{"file": "b.jpg", "expected": {"Banana": 0.9, "Lemon": 0.05}}]
    write_json(tmp_path / "golden.json", {"model": "m", "tolerance": 0.02, "pictures": pictures})
    return golden.load(tmp_path, "make export")[0]


def test_a_right_answer(banana: golden.Golden) -> None:
    assert banana.picture.name == "b.jpg"
    assert banana.mismatch({"Banana": 0.885, "Lime": 0.1}) == ""


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"Lemon": 0.9, "Banana": 0.05}, "expected Banana first, got Lemon"),
        ({"Banana": 0.8}, "expected Banana 0.900"),
        ({"Banana": "high"}, "got {'Banana': 'high'}"),
        ({"Banana": float("nan")}, "got nan"),
        ({}, "got {}"),
        (["Banana"], "got ['Banana']"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong(banana: golden.Golden, answer: object, word: str) -> None:
    assert word in banana.mismatch(answer)


def test_labels_that_tie_are_as_good_as_each_other(tmp_path: Path) -> None:
    tie = golden.Golden(tmp_path / "t.jpg", {"a": 0.2, "b": 0.19999, "c": 0.19}, 0.05)
    assert tie.mismatch({"b": 0.2}) == ""
    assert "expected a first, got c" in tie.mismatch({"c": 0.2})


def test_no_golden_pictures_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(KitError) as caught:
        golden.load(tmp_path, "make archive")
    assert caught.value.hint == "make archive"
