from __future__ import annotations

import math

import pytest

from common.errors import UsageError
from kit.tune.search.candidate import Candidate, Failure, Outcome, Result
from kit.tune.search.objective import Goal
from tests.kit.tune.landscapes import measurement


def result(*outcomes: Outcome) -> Result:
    return Result(Candidate("fp32", 2, 1, 1, 0), outcomes)


def test_whoever_keeps_the_limits_comes_first_then_who_misses_least() -> None:
    goal = Goal("throughput", p99_limit=100, memory_limit=800 << 20)
    in_order = [
        result(measurement(90, 99, 700)),
        result(measurement(50, 20, 300)),
        result(measurement(500, 110, 700)),
        result(measurement(900, 105, 900)),
        result(measurement(900, 300, 700)),
        result(Failure("it did not start")),
    ]
    assert sorted((in_order[place] for place in (3, 0, 5, 2, 4, 1)), key=goal.score) == in_order


def test_a_limit_that_is_met_exactly_is_kept() -> None:
    assert Goal("throughput", 100, 700 << 20).score(result(measurement(10, 100, 700))).feasible


def test_a_failed_request_is_a_miss() -> None:
    goal = Goal("throughput")
    assert not goal.score(result(measurement(100, 50, 700, errors=1))).feasible
    assert goal.misses(result(measurement(1, 50, 700, errors=1000))) == {"failed requests": 0.5}


def test_misses_are_shares_of_the_limit() -> None:
    missed = Goal("latency", p99_limit=100, memory_limit=500 << 20).misses(result(measurement(10, 150, 600)))
    assert missed == pytest.approx({"p99": 0.5, "memory": 0.2})


@pytest.mark.parametrize(
    ("objective", "better", "worse"),
    [
        ("throughput", measurement(120), measurement(100)),
        ("latency", measurement(100, 50), measurement(100, 60)),
        ("memory", measurement(100, 50, 500), measurement(100, 50, 600)),
    ],
)
def test_gain_is_the_share_by_which_the_other_is_worse(objective: str, better: Outcome, worse: Outcome) -> None:
    goal = Goal(objective)
    good, bad = goal.score(result(better)), goal.score(result(worse))
    assert good.gain_over(bad) == pytest.approx(0.2, abs=1e-3)
    assert bad.gain_over(good) < 0
    assert good.beats(bad, 0.19)
    assert not bad.beats(good, 0.19)


def test_between_keeping_and_missing_there_is_no_how_much() -> None:
    goal = Goal("throughput", p99_limit=100)
    kept, missed = goal.score(result(measurement(1, 99))), goal.score(result(measurement(999, 101)))
    assert kept.gain_over(missed) == math.inf
    assert kept.beats(missed, 0.5)


def test_repeats_are_averaged() -> None:
    assert result(measurement(90, 40), measurement(110, 60)).p99 == 50
    assert result(measurement(90), Failure("gone")).failure == "gone"


@pytest.mark.parametrize("goal", [Goal("speed"), Goal("latency", p99_limit=-1), Goal("memory", memory_limit=-1)])
def test_goals_that_cannot_be(goal: Goal) -> None:
    with pytest.raises(UsageError):
        goal.check()
