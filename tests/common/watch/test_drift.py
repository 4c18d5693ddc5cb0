"""The drift tests on windows of pictures, with bins that are small enough to reckon by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import measures
from common.watch import drift, windows
from common.watch.drift import Baseline, Detector, Statistic, Window
from common.watch.windows import DriftWatch
from worker.metrics import Metrics

BASELINE = Baseline(
    window=4,
    pictures=100,
    labels=["Banana", "Lime"],
    statistics=[
        Statistic("confidence", drift.KS, [10, 80, 10], 1.0),
        Statistic("label", drift.PSI, [50, 50], 5.0),
        Statistic("outputs", drift.OUTPUTS, [[50, 50], [100, 0]], 1.5),
    ],
)


def window(confidence: list[int], repeated: int = 0, **bins: Any) -> Window:
    pictures = sum(confidence)
    plain: dict[str, Any] = {"label": [pictures // 2, pictures - pictures // 2]}
    plain["outputs"] = [[pictures // 2] * 2, [pictures, 0]]
    return Window(pictures, {"confidence": confidence, **plain, **bins}, repeated)


GOOD, BAD = window([1, 8, 1]), window([10, 0, 0])


def test_the_largest_difference_of_two_distributions_and_its_side() -> None:
    assert drift.ks([10, 0, 0], [10, 80, 10]) == pytest.approx((0.9, 1.0))
    assert drift.ks([0, 0, 10], [10, 80, 10]) == pytest.approx((0.9, -1.0))
    assert drift.ks([1, 8, 1], [10, 80, 10]) == (0.0, 1.0)


def test_the_stability_of_a_population() -> None:
    now, then = (10.5 / 11, 0.5 / 11), (50.5 / 101, 50.5 / 101)
    by_hand = sum((one - other) * math.log(one / other) for one, other in zip(now, then, strict=True))
    assert drift.psi([10, 0], [50, 50]) == pytest.approx(by_hand)
    assert drift.psi([5, 5], [50, 50]) == pytest.approx(0)


def test_scores_are_by_threshold_and_of_outputs_the_largest_counts() -> None:
    found = drift.scores(window([10, 0, 0], outputs=[[5, 5], [0, 10]]), BASELINE)
    by = math.sqrt(10 * 100 / 110)
    assert found["confidence"] == pytest.approx((0.9 * by, 1.0))
    assert found["outputs"][0] == pytest.approx(1.0 * by / 1.5)
    assert found["label"][0] == pytest.approx(0)


def test_one_window_is_chance_and_two_are_drift() -> None:
    detector = Detector(BASELINE)
    assert not detector.judge(BAD) and not detector.drifted
    assert not detector.judge(GOOD) and not detector.drifted
    assert not detector.judge(BAD)
    assert detector.judge(BAD)
    assert (detector.drifted, detector.words) == (("confidence",), "less sure")
    assert not detector.judge(BAD)
    assert detector.judge(GOOD)
    assert not detector.drifted


def test_two_statistics_that_are_too_large_once_each_are_chance() -> None:
    detector = Detector(BASELINE)
    detector.judge(BAD)
    assert not detector.judge(window([1, 8, 1], outputs=[[5, 5], [0, 10]]))


def test_what_it_means_is_said_with_the_largest_first() -> None:
    detector = Detector(BASELINE)
    both = window([0, 0, 10], outputs=[[5, 5], [0, 10]], repeated=9)
    detector.judge(both)
    detector.judge(both)
    assert detector.words == "the same picture again and again, surer, other probabilities"


def test_every_statistic_has_words() -> None:
    assert set(drift.WORDS) >= {"confidence", "entropy", "label", "outputs", "brightness", "sharpness", "warmth"}


LABELS = ["Banana", "Lime", "Kiwi"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of an archive whose baseline says that everything is a Banana."""
    counts = [0] * 20
    counts[-1] = 100
    statistics = [
        {"key": "confidence", "kind": "ks", "counts": counts, "threshold": 2.0},
        {"key": "label", "kind": "psi", "counts": [100, 0, 0], "threshold": 30.0},
        {"key": "outputs", "kind": "outputs", "counts": [[0, 0, 0, 0, 0, 100]] + [[100, 0, 0, 0, 0, 0]] * 2}
        | {"threshold": 2.0},
    ]
    told = {"window": 20, "pictures": 100, "labels": LABELS, "statistics": statistics}
    (tmp_path / drift.FILE).write_text(json.dumps(told))
    return tmp_path


class Server:
    """Workers that answered with one label."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.metrics = folder, Metrics(measures.declared(LABELS))
        self.row = self.metrics.row(self.metrics.take_row())

    def answer(self, label: int, times: int) -> None:
        for _ in range(times):
            self.row.count("label", label)
            self.row.observe("confidence", 0.99)
            self.row.count("outputs", label * len(measures.LEVELS) + 4)

    def document(self) -> dict[str, Any]:
        about = {"model": "fruit", "version": "1.0", "folder": str(self.folder)}
        found: dict[str, Any] = json.loads(self.metrics.document(about))
        return found


def test_windows_are_cut_out_of_what_workers_count(folder: Path) -> None:
    server, watch = Server(folder), DriftWatch()
    (detector,) = watch.look([server.document()])
    for _ in range(4):
        server.answer(0, 15)
        watch.look([server.document()])
    assert detector.scores == pytest.approx({"confidence": 0, "label": 0, "outputs": 0}, abs=0.03), "two windows of 30"
    for _ in range(2):
        server.answer(1, 25)
        watch.look([server.document()])
    assert detector.drifted == ("label", "outputs")
    assert watch.look([]) == [], "the version is gone"


def test_a_version_without_a_baseline_of_ours_has_no_detector(folder: Path) -> None:
    server = Server(folder)
    (folder / drift.FILE).write_text('{"window": 20}')
    assert DriftWatch().look([server.document()]) == []
    (folder / drift.FILE).unlink()
    assert DriftWatch().look([server.document()]) == []


def test_the_levels_are_the_handler_s() -> None:
    assert list(drift.LEVELS) == measures.LEVELS
    assert windows.difference(BAD, GOOD).bins["outputs"] == [[0, 0], [0, 0]]
