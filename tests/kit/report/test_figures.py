"""From counts in bins to figures over time."""

from __future__ import annotations

import re

import pytest

from common.errors import UsageError
from kit.build import PROJECT
from kit.report import figures, histogram, since
from kit.report.bounds import BOUNDS, GATEWAY_BOUNDS, WORKER_SECONDS
from tests.kit.report.conftest import UNTIL, minute, record
from worker.metrics import OWN


@pytest.mark.parametrize(("given", "seconds"), [("90m", 5400), ("36h", 129_600), ("7d", 604_800), ("2w", 1_209_600)])
def test_how_far_back(given: str, seconds: int) -> None:
    assert since.seconds(given) == seconds


@pytest.mark.parametrize("given", ["", "7", "d", "0d", "-1d", "7 days", "7y", "1.5h", "9999999d"])
def test_a_time_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        since.seconds(given)


@pytest.mark.parametrize(("given", "step"), [("1m", 60), ("4h", 60), ("1d", 600), ("7d", 3600), ("90d", 86400)])
def test_a_line_has_no_more_points_than_can_be_told_apart(given: str, step: int) -> None:
    assert since.step(since.seconds(given)) == step


def test_quantiles_are_prometheus_s() -> None:
    counts = {"confidence<0.5": 10, "confidence<0.9": 80, "confidence<0.95": 10}
    assert histogram.quantile(counts, "confidence", 0.05) == pytest.approx(0.475)
    assert histogram.quantile(counts, "confidence", 0.5) == pytest.approx(0.85 + 0.05 * 40 / 80)
    assert histogram.quantile(counts, "confidence", 1.0) == pytest.approx(0.95)
    assert histogram.quantile({"handler<inf": 3}, "handler", 0.5) == 10.0
    assert histogram.quantile({}, "handler", 0.5) is None


def test_latency_is_what_clients_saw_or_the_nearest_to_it() -> None:
    counts = {"gateway_seconds<0.05": 2, "total<0.04": 2, "handler<0.03": 2}
    assert figures.latency(counts, 1.0) == 50
    del counts["gateway_seconds<0.05"]
    assert figures.latency({"handler<0.03": 2}, 1.0) == 30


def test_the_gateway_s_bins_are_those_of_its_own_script() -> None:
    text = (PROJECT / "gateway/watch/metrics.js").read_text()
    found = re.search(r"const SECONDS = \[([^\]]+)\]", text)
    assert found
    assert tuple(float(bound) for bound in found[1].split(",")) == GATEWAY_BOUNDS
    for one in OWN:
        if one["key"] in WORKER_SECONDS:
            assert BOUNDS[one["key"]] == tuple(one["bounds"])
    assert {"queue", "decode", "network", "handler", "total", "confidence", "brightness"} <= set(BOUNDS)


def test_errors_are_what_a_client_can_do_nothing_about() -> None:
    found = figures.figures(minute(10, **{"gateway=415": 4, "gateway=503": 3, "gateway=500": 2, "gateway=429": 1}), 60)
    assert (found["answered"], found["refused"], found["busy"], found["failed"]) == (10, 4, 4, 2)
    assert (found["requests"], found["error_ratio"]) == (20, 0.3)


def test_without_a_gateway_the_workers_own_count_is_taken() -> None:
    assert figures.codes({"code=200": 3, "code=415": 1}) == {"200": 3, "415": 1}


def test_minutes_become_steps_and_a_step_without_any_is_a_gap() -> None:
    whole = record(hours=2)
    minutes = [one for one in whole.minutes if not UNTIL - 3600 <= one[0] < UNTIL - 2400]
    lines = figures.lines(figures.slots(minutes, UNTIL - 7200, UNTIL, 600), 600)
    assert [len(line) > 1 for line in lines] == [True] * 6 + [False] * 2 + [True] * 4 + [False]
    assert lines[0]["requests"] == 100
    assert lines[0]["requests_per_minute"] == 10
    assert lines[0]["labels"] == {"Banana": 100}
    assert lines[0]["server_memory_mb"] == 400


def test_the_whole_in_one_row() -> None:
    whole = record(hours=1, **{"@temperature_c": 70, "@throttled": 1, "worker_deaths": 1})
    found = figures.summary(whole.minutes, whole.events, 3600)
    assert (found["requests"], found["starts"], found["worker_deaths"]) == (600, 1, 60)
    assert (found["most_temperature_c"], found["throttled_minutes"]) == (70, 60)
    assert found["last"] == UNTIL - 60
    empty = figures.summary([], [], 3600)
    assert (empty["requests"], empty["last"], empty["p99_ms"], empty["error_ratio"]) == (0, None, None, None)
