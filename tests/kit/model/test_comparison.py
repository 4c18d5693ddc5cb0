from pathlib import Path

import pytest
import torch

from kit.errors import KitError
from kit.model import golden
from kit.model.comparison import Comparison, verify
from kit.model.pictures import Picture
from kit.model.precision import PRECISIONS

LABELS = ("a", "b", "c")


def comparison(eager: list[list[float]], exported: list[list[float]], *truth: str) -> Comparison:
    pictures = [Picture(Path(f"{index}.jpg"), truth[index] if truth else None) for index in range(len(eager))]
    return Comparison(pictures, LABELS, torch.tensor(eager), torch.tensor(exported))


SURE, OTHER = [0.9, 0.06, 0.04], [0.1, 0.7, 0.2]


def test_equal_answers_agree_and_accuracy_is_counted_on_the_exported_model() -> None:
    same = comparison([SURE, OTHER], [SURE, OTHER], "a", "c")
    assert (same.agreement, same.accuracy(1), same.accuracy(5)) == (1.0, 0.5, 1.0)
    verify(same, PRECISIONS["fp32"])


def test_without_labels_there_is_no_accuracy() -> None:
    assert comparison([SURE], [SURE]).document()["top1_accuracy"] is None


def test_a_tie_that_falls_the_other_way_agrees() -> None:
    tied = comparison([[0.4501, 0.4499, 0.1]], [[0.4499, 0.4501, 0.1]])
    verify(tied, PRECISIONS["fp32"])


@pytest.mark.parametrize("exported", [OTHER, [0.9, 0.05, 0.05], [float("nan")] * 3])
def test_a_model_that_differs_is_refused(exported: list[float]) -> None:
    with pytest.raises(KitError, match="so nothing was written"):
        verify(comparison([SURE], [exported]), PRECISIONS["fp32"])


def test_the_refusal_shows_the_figures_and_the_pictures() -> None:
    with pytest.raises(KitError) as raised:
        verify(comparison([SURE, SURE], [SURE, OTHER]), PRECISIONS["fp32"])
    assert "same first answer     50.0% (wanted: 100% in fp32)" in raised.value.message
    assert "1.jpg: a by the original, b by the exported model" in raised.value.message


def test_half_precision_may_differ_on_two_in_a_hundred() -> None:
    for wrong, refused in ((2, False), (3, True)):
        measured = comparison([SURE] * 100, [OTHER] * wrong + [SURE] * (100 - wrong))
        if refused:
            with pytest.raises(KitError, match=r"97\.0%"):
                verify(measured, PRECISIONS["fp16"])
        else:
            verify(measured, PRECISIONS["fp16"])


def test_golden_pictures_are_clear_right_and_of_different_labels() -> None:
    rows = [[0.8, 0.1, 0.1], SURE, [0.05, 0.9, 0.05], [0.1, 0.45, 0.45], [0.05, 0.05, 0.9]]
    measured = comparison(rows, rows, "a", "a", "b", "b", "a")
    assert golden.choose(measured) == [2, 1]  # the last is clear, and wrong


def test_when_nothing_is_clear_the_clearest_is_golden() -> None:
    rows = [[0.34, 0.33, 0.33], [0.4, 0.3, 0.3]]
    assert golden.choose(comparison(rows, rows)) == [1]


def test_golden_files_of_one_name_are_told_apart() -> None:
    assert golden.file_names([Path("a/1.jpg"), Path("b/1.jpg"), Path("b/2.jpg")]) == [
        "0_a_1.jpg",
        "1_b_1.jpg",
        "2.jpg",
    ]
