"""Counting: percentiles, the arrivals of an open loop, and what of a window counts."""

from __future__ import annotations

import itertools
import math

import pytest

from kit.bench.load.plan import Load, Sample, arrivals, percentile, tally


@pytest.mark.parametrize(("percent", "expected"), [(1, 10), (50, 500), (95, 950), (99, 990), (99.9, 999), (100, 1000)])
def test_percentiles_of_a_thousand(percent: float, expected: float) -> None:
    assert percentile(range(1, 1001), percent) == expected


@pytest.mark.parametrize(("percent", "expected"), [(1, 3), (50, 3), (51, 7), (99.9, 7)])
def test_a_percentile_is_always_one_of_the_samples(percent: float, expected: float) -> None:
    assert percentile([3, 7], percent) == expected


def test_no_samples_have_no_percentile() -> None:
    assert percentile([], 50) == math.inf


def test_arrivals_are_the_same_for_the_same_seed_and_come_at_the_rate() -> None:
    first = list(arrivals(200, 100, seed=1))
    assert first == list(arrivals(200, 100, seed=1)) != list(arrivals(200, 100, seed=2))
    assert first == sorted(first)
    assert first[0] > 0
    assert first[-1] < 100
    assert len(first) == pytest.approx(200 * 100, rel=0.05)
    # Poisson: gaps are as far from their mean as the mean is from nothing.
    gaps = [later - earlier for earlier, later in itertools.pairwise(first)]
    assert sum((gap - 1 / 200) ** 2 for gap in gaps) / len(gaps) == pytest.approx((1 / 200) ** 2, rel=0.1)


SAMPLES = [
    Sample(due=0.0, answered=0.9, error=""),  # before the window
    Sample(due=0.5, answered=1.5, error=""),  # asked before it, answered in it
    Sample(due=1.2, answered=1.7, error=""),
    Sample(due=1.3, answered=1.4, error="HTTP 503"),
    Sample(due=1.9, answered=5.9, error=""),  # asked in it, answered after it
    Sample(due=1.95, answered=6.0, error="no answer in 60 s"),
]


def test_a_closed_loop_counts_the_answers_given_in_the_window() -> None:
    counted = tally(SAMPLES, 1.0, 2.0, open_loop=False)
    assert (counted.right, counted.latencies, counted.errors) == (2, [500.0, 1000.0], {"HTTP 503": 1})


def test_an_open_loop_judges_what_was_due_in_the_window_however_late_it_came() -> None:
    counted = tally(SAMPLES, 1.0, 2.0, open_loop=True)
    assert counted.right == 2
    assert counted.latencies == [500.0, 4000.0]
    assert counted.errors == {"HTTP 503": 1, "no answer in 60 s": 1}


def test_titles() -> None:
    titles = [Load(clients=1).title, Load(clients=8).title, Load(rate=52.25).title]
    assert titles == ["1 client", "8 clients", "52.2/s, open"]
