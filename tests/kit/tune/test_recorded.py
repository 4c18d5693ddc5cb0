"""The search on full grids that were recorded on real machines, each candidate measured once (record_grid.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.tune.journal import outcome_of
from kit.tune.search.candidate import Candidate
from kit.tune.search.objective import Goal
from kit.tune.search.space import Space
from kit.tune.trial.preparation import budget_of
from tests.kit.tune.landscapes import Landscape, explore, goals
from tests.kit.tune.record_grid import GRIDS

GOOD, SHARE = 0.95, 0.2
RECORDED = sorted(GRIDS.glob("*.json"))


def landscape(file: Path) -> Landscape:
    """A recording as the search meets it: the axes are what was measured."""
    document = json.loads(file.read_text(encoding="utf-8"))
    truth = {Candidate(**row["candidate"]): outcome_of(row) for row in document["rows"]}
    default = Candidate(**document["default"])
    choices = Space(
        precisions=tuple(dict.fromkeys((default.precision, *(one.precision for one in truth)))),
        layouts=tuple(sorted({(one.workers, one.threads) for one in truth})),
        batches=tuple(sorted({one.batch for one in truth})),
        delays=tuple(sorted({one.delay for one in truth} - {0})),
        default=default,
        cores=max(one.workers * one.threads for one in truth),
        gpus=0,
    )
    return Landscape(choices, truth)


def test_there_is_a_recording() -> None:
    assert RECORDED, "python -m tests.kit.tune.record_grid <name> makes one"


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_a_recording_is_the_whole_grid(file: Path) -> None:
    recorded = landscape(file)
    assert set(recorded.truth) == set(recorded.space.candidates)


def qualities(recorded: Landscape) -> dict[Goal, float]:
    """What each goal's search found, as a share of the grid's best."""
    points = len(recorded.truth)
    found = {}
    for goal in goals(recorded):
        search = explore(recorded, goal, budget_of(0, points))
        assert len(search.results) <= SHARE * points
        found[goal] = recorded.quality(search.winner().candidate, goal)
    return found


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_a_fifth_of_the_points_reaches_95_percent_of_the_best(file: Path) -> None:
    for goal, quality in qualities(landscape(file)).items():
        if not goal.limits:
            assert quality >= GOOD, f"{goal.words}: {quality:.1%}"


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_limits_are_kept_and_nearly_always_cost_nothing_of_that(file: Path) -> None:
    """The p99 of 5 s is the third or fourth worst answer: between neighbours that are alike it is partly chance."""
    limited = [quality for goal, quality in qualities(landscape(file)).items() if goal.limits]
    assert sum(quality >= GOOD for quality in limited) >= 0.85 * len(limited)
    assert min(limited) >= 0.9
