import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kit.precisions import comparing, worker
from kit.precisions.picture import draw


def row(precision: str, accuracy: float | None, speed: float) -> dict[str, Any]:
    figure = {"median": speed, "low": speed - 1, "high": speed + 2}
    return {
        "precision": precision,
        "left_out": "",
        "accuracy": accuracy,
        "agreement": 0.99,
        "pictures": 215,
        "latency": figure,
        "images_per_second": figure,
    }


def test_a_figure_is_the_median_with_the_range_of_its_repeats() -> None:
    assert comparing.summary([5.0, 1.0, 2.001]) == {
        "median": 2.0,
        "low": 1.0,
        "high": 5.0,
        "repeats": [5.0, 1.0, 2.0],
    }


def test_the_precisions_take_turns() -> None:
    order: list[Any] = []

    def take(crew: Any) -> float:
        order.append(crew)
        return float(len(order))

    crews: dict[str, Any] = {"fp32": "a", "int8": "b"}
    assert comparing.in_turns(crews, take, "latency", 2) == {"fp32": [1.0, 3.0], "int8": [2.0, 4.0]}
    assert order == ["a", "b", "a", "b"]


def test_a_failed_exports_words_are_kept_without_the_mend() -> None:
    words = "· loading\nerror: no such thing\n  in two lines\n  hint: PRECISION=fp32\n"
    assert comparing.said(words) == "no such thing\n  in two lines"
    assert comparing.said("Traceback\nKeyError: 3\n") == "Traceback\nKeyError: 3"


class Model:
    def __init__(self) -> None:
        self.calls = 0

    def probabilities(self, picture: Any) -> Any:
        self.calls += 1
        return picture


def test_a_worker_counts_what_it_finished_while_the_window_was_open() -> None:
    model, picture = Model(), np.zeros((1, 2, 2, 3), np.uint8)
    assert len(worker.answer(model, picture, {"calls": 3})) == model.calls == 3  # type: ignore[arg-type]
    now = time.monotonic()
    assert worker.answer(model, picture, {"opens": now, "ends": now}) == 0  # type: ignore[arg-type]
    closed = {"opens": now + 60, "ends": time.monotonic() + 0.01}
    assert worker.answer(model, picture, closed) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("accuracy", [0.66, None])
def test_the_picture_opens_with_and_without_labels(tmp_path: Path, accuracy: float | None) -> None:
    left_out = {"precision": "fp16", "left_out": "no GPU"}
    document = {"processes": 2, "precisions": [row("fp32", accuracy, 80), row("int8", accuracy, 390), left_out]}
    draw(document, 1.0, 98.0, tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 50
