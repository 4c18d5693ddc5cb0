import pytest

from common.errors import KitError, UsageError
from kit.model.checks import accuracy_gate
from kit.model.source.request import Request
from tests.kit.model.test_comparison import OTHER, SURE, comparison

FP32 = accuracy_gate.of("fp32", Request())
INT8 = accuracy_gate.of("int8", Request())


@pytest.mark.parametrize("exported", [OTHER, [0.9, 0.05, 0.05], [float("nan")] * 3])
def test_a_model_that_differs_is_refused(exported: list[float]) -> None:
    with pytest.raises(KitError, match="so nothing was written"):
        FP32.verify(comparison([SURE], [exported]))


def test_the_refusal_shows_the_figures_and_the_pictures() -> None:
    with pytest.raises(KitError) as raised:
        INT8.verify(comparison([SURE, SURE], [SURE, OTHER], "a", "a"))
    said = raised.value.message.splitlines()
    assert "  same first answer     50.0% (wanted: 98% in int8)" in said
    assert "  top-1 accuracy        50.0%, 50.0 points below the original (allowed: 1 in int8)" in said
    assert "  1.jpg: a by the original, b by the exported model" in said
    assert "PRECISION=fp32" in raised.value.hint
    assert "MIN_AGREEMENT=" in raised.value.hint


@pytest.mark.parametrize("precision", ["bf16", "fp16", "int8"])
def test_two_in_a_hundred_may_differ(precision: str) -> None:
    for wrong, passes in ((2, True), (3, False)):
        measured = comparison([SURE] * 100, [OTHER] * wrong + [SURE] * (100 - wrong))
        assert accuracy_gate.of(precision, Request()).passes(measured) is passes


def test_accuracy_may_fall_by_one_point_and_no_more() -> None:
    for wrong, passes in ((2, True), (3, False)):
        measured = comparison([SURE] * 200, [OTHER] * wrong + [SURE] * (200 - wrong), *["a"] * 200)
        assert INT8.passes(measured) is passes


def test_answers_that_differ_and_are_right_as_often_pass_only_with_agreement() -> None:
    swapped = comparison([SURE, OTHER], [OTHER, SURE], "a", "a")
    assert swapped.accuracy_drop == 0
    assert not INT8.passes(swapped)


def test_both_limits_can_be_set_and_fp32_stays_exact() -> None:
    half = comparison([SURE, SURE], [SURE, OTHER], "a", "a")
    loose = Request(max_accuracy_drop="50", min_agreement="50")
    assert accuracy_gate.of("int8", loose).passes(half)
    assert not accuracy_gate.of("int8", Request(min_agreement="50")).passes(half)
    assert not accuracy_gate.of("int8", Request(max_accuracy_drop="50")).passes(half)
    assert not accuracy_gate.of("fp32", loose).passes(half)


@pytest.mark.parametrize("value", ["-1", "101", "many", "nan"])
def test_a_limit_that_is_none_is_wrong_use(value: str) -> None:
    with pytest.raises(UsageError, match=f"MIN_AGREEMENT={value} is not a number from 0 to 100"):
        Request(min_agreement=value).check()
