import pytest

from common.errors import UsageError
from kit.mobile.formats.choice import targets


def names(wanted: str, precision: str) -> list[str]:
    return [target.folder("m") for target in targets(wanted, precision)]


@pytest.mark.parametrize("wanted", ["", "all"])
def test_without_a_choice_everything_is_made_and_the_successor_comes_first(wanted: str) -> None:
    assert names(wanted, "") == ["m-pte-fp32", "m-pte-int8", "m-ptl-fp32", "m-ptl-int8", "m-onnx-fp32"]


@pytest.mark.parametrize(
    ("wanted", "precision", "made"),
    [
        ("pte", "", ["m-pte-fp32", "m-pte-int8"]),
        ("ptl", "int8", ["m-ptl-int8"]),
        ("onnx", "", ["m-onnx-fp32"]),
        ("all", "int8", ["m-pte-int8", "m-ptl-int8"]),
    ],
)
def test_a_choice_leaves_the_rest_out(wanted: str, precision: str, made: list[str]) -> None:
    assert names(wanted, precision) == made


@pytest.mark.parametrize(
    ("wanted", "precision", "said", "hint"),
    [
        ("tflite", "", "FORMAT=tflite is not one of pte, ptl, onnx, all", "FORMAT=pte|ptl|onnx|all"),
        ("pte", "fp16", "PRECISION=fp16 is not a precision for phones", "PRECISION=fp32|int8"),
        ("onnx", "int8", "FORMAT=onnx is made in fp32 only", "FORMAT=pte"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(wanted: str, precision: str, said: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        targets(wanted, precision)
    assert refused.value.message == said
    assert refused.value.hint == hint
