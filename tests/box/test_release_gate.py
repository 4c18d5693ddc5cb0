"""What the gate lets through, and the sentence for what it does not."""

from __future__ import annotations

import pytest

from box.activation.release_gate import Measured, judge, p95, too_slow
from common.manifest import Gate
from common.server.answers import mismatch

GATE = Gate(requests=20, p95_ms=100, memory_mb=700, ready_seconds=130, memory_free_mb=500, second_worker_mb=350)
GOOD = Measured(ready=1, wanted=1, right=5, latencies=[50.0] * 20, memory_mb=500)


def test_a_good_release_passes() -> None:
    assert judge(GATE, GOOD) == []


@pytest.mark.parametrize(
    ("measured", "sentence"),
    [
        (Measured(0, 1, 5, latencies=[50.0] * 20), "only 0 of 1 workers are READY"),
        (Measured(1, 1, 4, wrong=["a.jpg: no"]), "1 of 5 golden pictures were answered wrongly: a.jpg: no"),
        (Measured(1, 1, 5, latencies=[50.0] * 18 + [101.0] * 2), "too slow: p95 is 101 ms over 20 requests, the limit"),
        (Measured(1, 1, 5, latencies=[50.0] * 20, died=2, counted=25), "2 workers died while it was tried"),
        (Measured(1, 1, 5, latencies=[50.0] * 20, counted=24), "its workers count 24 of 25 requests: another server"),
        (
            Measured(1, 1, 5, latencies=[50.0] * 20, memory_mb=701),
            "too much memory: it uses 701 MB, the limit is 700 MB",
        ),
    ],
)
def test_a_bad_one_fails_by_name(measured: Measured, sentence: str) -> None:
    (failure,) = judge(GATE, measured)
    assert failure.startswith(sentence)


def test_one_slow_request_of_twenty_is_within_the_95th_percentile() -> None:
    latencies = [50.0] * 19 + [5000.0]
    assert p95(latencies) == 50
    assert not too_slow(latencies, 20, 100)


def test_asking_ends_as_soon_as_it_is_lost() -> None:
    assert not too_slow([5000.0], 20, 100)
    assert too_slow([5000.0, 5000.0], 20, 100)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"Papaya": 0.80, "Mango": 0.1}, ""),
        ({"Mango": 0.1, "Papaya": 0.80}, "p.jpg: expected Papaya first, got Mango (0.100)"),
        ({"Papaya": 0.77}, "p.jpg: expected Papaya 0.830 ± 0.05, got 0.770"),
        ({"Papaya": float("nan")}, "p.jpg: expected Papaya 0.830 ± 0.05, got nan"),
        ({"Mango": 0.9}, "p.jpg: expected Papaya first, got Mango (0.900)"),
        ({}, "p.jpg: expected {label: probability}, got {}"),
        ("<html>", "p.jpg: expected {label: probability}, got <html>"),
        ({"code": "415"}, "p.jpg: expected {label: probability}, got {'code': '415'}"),
    ],
)
def test_a_golden_answer(answer: object, sentence: str) -> None:
    assert mismatch("p.jpg", {"Mango": 0.1, "Papaya": 0.83}, 0.05, answer) == sentence


def test_labels_that_tie_are_as_good_as_each_other() -> None:
    assert mismatch("p.jpg", {"a": 0.5, "b": 0.49999}, 0.05, {"b": 0.5}) == ""
