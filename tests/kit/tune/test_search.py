"""The search on grids whose best is known: how near it comes, and for how many measurements."""

from __future__ import annotations

import pytest

from kit.tune.search.candidate import Candidate, Outcome
from kit.tune.search.hill_climb import Search, Trial
from kit.tune.search.objective import Goal
from kit.tune.trial.preparation import budget_of
from tests.kit.tune.landscapes import (
    Landscape,
    explore,
    failing,
    goals,
    made_up,
    measurement,
    shaped,
)

GOOD, SHARE = 0.95, 0.2


@pytest.mark.parametrize("cores", [2, 4, 8, 32])
def test_on_made_up_grids_it_nearly_always_reaches_95_percent(cores: int) -> None:
    """Each with other costs. A search that misses more than one in ten has got worse."""
    qualities = []
    for seed in range(8):
        landscape = made_up(seed, cores)
        for goal in goals(landscape):
            search = explore(landscape, goal, budget_of(0, len(landscape.truth)))
            assert len(search.results) <= SHARE * len(landscape.truth)
            qualities.append(landscape.quality(search.winner().candidate, goal))
    good = sum(quality >= GOOD for quality in qualities)
    assert good >= 0.9 * len(qualities), f"{good} of {len(qualities)}"


def test_noise_costs_little_of_what_is_found() -> None:
    """3 % standard deviation, which short measurements on a quiet machine have."""
    qualities = []
    for seed in range(12):
        landscape = made_up(seed)
        for goal in (Goal("throughput"), Goal("latency"), Goal("memory")):
            search = explore(landscape, goal, budget_of(0, len(landscape.truth)), noise=0.03, seed=seed)
            qualities.append(landscape.quality(search.winner().candidate, goal))
    assert sum(quality >= 0.9 for quality in qualities) >= 0.9 * len(qualities)
    assert min(qualities) >= 0.75


def test_the_same_outcomes_give_the_same_questions() -> None:
    landscape = made_up(3)
    first, second = (asked(Search(landscape.space, Goal("throughput"), 20), landscape) for _ in range(2))
    assert first == second


def asked(search: Search, landscape: Landscape) -> list[Trial]:
    trials = []
    while trial := search.ask():
        trials.append(trial)
        search.tell(landscape.truth[trial.candidate])
    return trials


def test_the_default_comes_first_and_the_best_few_are_measured_again_at_the_end() -> None:
    landscape = made_up(1)
    trials = asked(Search(landscape.space, Goal("throughput"), 20), landscape)
    default = landscape.space.default
    assert [trial.candidate for trial in trials[:2]] == [default, default]
    finals = [trial.candidate for trial in trials if trial.phase == "finals"]
    assert finals.count(default) == 2
    assert finals.count(landscape.best(Goal("throughput")).candidate) == 2
    searched = [trial.candidate for trial in trials if trial.phase == "search"]
    assert len(searched) == len(set(searched)), "nothing is searched twice"


def test_how_many_are_left_is_never_too_few_and_ends_at_none() -> None:
    landscape = made_up(2)
    trials = asked(Search(landscape.space, Goal("throughput"), 20), landscape)
    for index, trial in enumerate(trials):
        assert trial.most_left >= len(trials) - index - 1
    assert trials[-1].most_left == 0


def test_it_stops_when_nothing_is_gained_any_more() -> None:
    flat = shaped(lambda candidate: measurement(100))
    search = explore(flat, Goal("throughput"), 100)
    assert len(search.results) <= 25, "of the 100 that it might have looked at"
    assert search.winner().candidate == flat.space.default, "as good as the default is no reason to leave it"


def test_a_gain_within_the_noise_is_no_gain() -> None:
    landscape = shaped(lambda candidate: measurement(101 if candidate.precision == "int8" else 100))
    search = explore(landscape, Goal("throughput"), 20)
    assert search.winner().candidate == landscape.space.default


def test_a_ridge_that_no_single_step_climbs_is_found() -> None:
    """bf16 pays only with two threads, and two threads only with bf16."""

    def figure(candidate: Candidate) -> Outcome:
        both = (candidate.precision == "bf16") + (candidate.threads == 2)
        return measurement({0: 50, 1: 40, 2: 90}[both] - candidate.batch)

    landscape = shaped(figure)
    search = explore(landscape, Goal("throughput"), budget_of(0, len(landscape.truth)))
    assert landscape.quality(search.winner().candidate, Goal("throughput")) >= GOOD


def test_it_climbs_out_of_infeasible_ground_to_the_one_region_that_keeps_the_limit() -> None:
    def figure(candidate: Candidate) -> Outcome:
        slow = {"fp32": 300, "bf16": 180, "int8": 90}[candidate.precision] * (1 if candidate.workers == 2 else 1.6)
        return measurement(8000 / slow, slow + candidate.delay, 400 * candidate.workers)

    landscape = shaped(figure)
    search = explore(landscape, Goal("throughput", p99_limit=100), budget_of(0, len(landscape.truth)))
    assert search.score(search.winner().candidate).feasible


def test_with_nothing_feasible_it_ends_with_the_least_miss() -> None:
    landscape = made_up(5)
    goal = Goal("throughput", p99_limit=0.5)
    search = explore(landscape, goal, budget_of(0, len(landscape.truth)))
    assert not search.score(search.winner().candidate).feasible
    assert landscape.quality(search.winner().candidate, goal) >= GOOD


def test_candidates_that_fail_are_passed_by() -> None:
    landscape = shaped(lambda one: failing() if one.precision == "int8" else measurement(50 + one.workers))
    search = explore(landscape, Goal("throughput"), 23)
    assert search.winner().candidate.precision != "int8"


def test_even_a_grid_on_which_nothing_works_comes_to_an_end() -> None:
    landscape = shaped(lambda candidate: failing())
    search = explore(landscape, Goal("throughput"), 23)
    assert search.winner().failure == "out of memory"


def test_memory_to_spare_is_no_reason_to_answer_late() -> None:
    """Equal in memory within the noise: the faster precision, which lets one worker keep the limit."""

    def figure(candidate: Candidate) -> Outcome:
        slow = (60 if candidate.precision == "int8" else 120) * 2 / candidate.workers
        return measurement(8000 / slow, slow, 350 * candidate.workers + (1 if candidate.precision == "int8" else 0))

    landscape = shaped(figure)
    goal = Goal("memory", p99_limit=130)
    chosen = explore(landscape, goal, budget_of(0, len(landscape.truth))).winner().candidate
    assert (chosen.precision, chosen.workers) == ("int8", 1)
