from pathlib import Path

import torch

from kit.model.checks import golden_pictures
from kit.model.checks.comparison import Comparison
from kit.model.pictures.choosing import Picture

LABELS = ("a", "b", "c")


def comparison(eager: list[list[float]], exported: list[list[float]], *truth: str) -> Comparison:
    pictures = [Picture(Path(f"{index}.jpg"), truth[index] if truth else None) for index in range(len(eager))]
    return Comparison(pictures, LABELS, torch.tensor(eager), torch.tensor(exported))


SURE, OTHER = [0.9, 0.06, 0.04], [0.1, 0.7, 0.2]


def test_equal_answers_agree_and_accuracy_is_counted_on_the_exported_model() -> None:
    same = comparison([SURE, OTHER], [SURE, OTHER], "a", "c")
    assert (same.agreement, same.accuracy(1), same.accuracy(5)) == (1.0, 0.5, 1.0)


def test_without_labels_there_is_no_accuracy() -> None:
    unlabelled = comparison([SURE], [SURE]).document()
    assert (unlabelled["top1_accuracy"], unlabelled["top1_accuracy_drop"]) == (None, None)


def test_a_tie_that_falls_the_other_way_agrees() -> None:
    assert comparison([[0.4501, 0.4499, 0.1]], [[0.4499, 0.4501, 0.1]]).agreement == 1.0


def test_the_drop_is_in_points_and_negative_when_the_exported_model_is_better() -> None:
    worse = comparison([SURE, SURE], [SURE, OTHER], "a", "a")
    assert (worse.accuracy_drop, worse.document()["top1_accuracy_drop"]) == (50.0, 50.0)
    assert comparison([SURE, OTHER], [SURE, SURE], "a", "a").accuracy_drop == -50.0


def test_golden_pictures_are_clear_right_and_of_different_labels() -> None:
    rows = [[0.8, 0.1, 0.1], SURE, [0.05, 0.9, 0.05], [0.1, 0.45, 0.45], [0.05, 0.05, 0.9]]
    measured = comparison(rows, rows, "a", "a", "b", "b", "a")
    assert golden_pictures.choose(measured) == [2, 1]  # the last is clear, and wrong


def test_when_nothing_is_clear_the_clearest_is_golden() -> None:
    rows = [[0.34, 0.33, 0.33], [0.4, 0.3, 0.3]]
    assert golden_pictures.choose(comparison(rows, rows)) == [1]


def test_a_picture_on_which_the_exported_model_is_off_is_not_golden() -> None:
    eager = [[0.95, 0.03, 0.02], [0.03, 0.9, 0.07]]
    assert golden_pictures.choose(comparison(eager, [[0.90, 0.06, 0.04], eager[1]])) == [1]
    assert golden_pictures.tolerance(comparison(eager, eager), [0, 1]) == golden_pictures.TOLERANCE


def test_the_tolerance_grows_only_when_every_picture_is_off() -> None:
    off = comparison([[0.95, 0.03, 0.02]], [[0.88, 0.07, 0.05]])
    assert golden_pictures.choose(off) == [0]
    assert golden_pictures.tolerance(off, [0]) == 0.14


def test_golden_files_of_one_name_are_told_apart() -> None:
    assert golden_pictures.file_names([Path("a/1.jpg"), Path("b/1.jpg"), Path("b/2.jpg")]) == [
        "0_a_1.jpg",
        "1_b_1.jpg",
        "2.jpg",
    ]
