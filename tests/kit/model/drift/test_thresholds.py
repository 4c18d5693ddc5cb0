"""Thresholds for the drift tests: what they are drawn from, and that they keep to the stated rate."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmarks.drift.cases import window
from common.errors import UsageError
from common.watch import drift
from kit.model.drift import baseline, observing, thresholds
from kit.model.drift.observing import Column

LABELS = [f"class {number}" for number in range(6)]


def pictures(count: int, seed: int, dark: bool = False) -> tuple[list[Any], Any]:
    """Crops of noise around a brightness of their own, and what a model says of them."""
    chance = np.random.default_rng(seed)
    crops = []
    for brightness in chance.normal(60 if dark else 120, 15, count):
        crops.append(np.clip(chance.normal(brightness, 20, (32, 32, 3)), 0, 255).astype(np.uint8))
    logits = chance.normal(0, 1, (count, len(LABELS)))
    logits[np.arange(count), chance.integers(0, len(LABELS), count)] += 4
    answers = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return crops, answers.astype(np.float32)


def observed(count: int, seed: int, dark: bool = False) -> list[Column]:
    return observing.observe(*pictures(count, seed, dark), LABELS)


def test_many_windows_at_once_are_worked_out_as_one_is() -> None:
    columns, chance = observed(80, 1), np.random.default_rng(2)
    document = baseline.document(columns, LABELS, 2000)
    parsed = drift.parse(document)
    shown = thresholds.one_hot(columns)
    for _ in range(5):
        chosen = chance.integers(0, 80, 60)
        counts = shown[chosen].sum(axis=0, keepdims=True)
        at_once = thresholds.statistics(columns, counts, shown.sum(axis=0), 60, 80)[0]
        alone = drift.scores(window(columns, chosen), parsed)
        by_threshold = [value / one.threshold for value, one in zip(at_once, parsed.statistics, strict=True)]
        assert by_threshold == pytest.approx([score for score, _ in alone.values()], rel=1e-4)


def test_traffic_like_the_validation_pictures_is_no_drift_and_dark_pictures_are() -> None:
    """Pictures held apart: 60 windows of 125."""
    parsed = drift.parse(baseline.document(observed(150, 3), LABELS, 2000))
    others, dark, chance = observed(2000, 4), observed(500, 5, dark=True), np.random.default_rng(6)
    detector = drift.Detector(parsed)
    for _ in range(60):
        detector.judge(window(others, chance.integers(0, 2000, baseline.WINDOW)))
        assert not detector.drifted
    for _ in range(2):
        detector.judge(window(dark, chance.integers(0, 500, baseline.WINDOW)))
    assert detector.words.startswith("darker")


def test_more_traffic_means_higher_thresholds() -> None:
    columns = observed(100, 7)
    few, many = (baseline.document(columns, LABELS, a_day)["statistics"] for a_day in (200, 2_000_000))
    assert all(one["threshold"] < other["threshold"] for one, other in zip(few, many, strict=True))


def test_the_same_pictures_give_the_same_thresholds() -> None:
    assert baseline.document(observed(60, 8), LABELS, 2000) == baseline.document(observed(60, 8), LABELS, 2000)


def test_a_tail_is_drawn_out_beyond_what_was_seen() -> None:
    values = np.random.default_rng(9).standard_normal(20_000)
    for chance in (1e-2, 1e-3, 1e-5):
        assert thresholds.tail_quantile(values, chance) == pytest.approx(stats.norm.isf(chance), rel=0.12)
    assert thresholds.tail_quantile(np.full(1000, 3.0), 1e-5) == 3.0


@pytest.mark.parametrize("given", ["{}", "drift: {}\n", "drift:\n  pictures_a_day: 2000\n"])
def test_traffic_that_is_not_stated(given: str, tmp_path: Path) -> None:
    assert baseline.pictures_a_day(profile(tmp_path, given)) == 2000


@pytest.mark.parametrize("given", ["drift: 5.5", "drift:\n  pictures_a_day: many", "drift:\n  pictures_a_day: 0"])
def test_traffic_that_is_no_number_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no number of pictures"):
        baseline.pictures_a_day(profile(tmp_path, given))


def profile(folder: Path, config: str) -> Any:
    import yaml

    return SimpleNamespace(model_config=folder / "model-config.yaml", read_model_config=lambda: yaml.safe_load(config))


def test_of_too_few_pictures_there_is_none_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text("of an export before")
    measured: Any = SimpleNamespace(pictures=[None] * 12)
    said = baseline.write(path, measured, None, 2000)  # type: ignore[arg-type]
    assert said == "12 pictures are too few to watch for drift by: 40 at least"
    assert not path.exists()
