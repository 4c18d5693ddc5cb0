"""The wave engine, told what came of each box: no box, no thread, no clock."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from kit.fleet.host.result import Job, Kind
from kit.fleet.rollout.wave_engine import Engine, Start, Verdict, Wave

WELL = {
    Job.PREPARE: Kind.READY,
    Job.CHANGE: Kind.CHANGED,
    Job.TAKE_BACK: Kind.BACK,
    Job.RELEASE: Kind.RELEASED,
}
Outcome = Callable[[Start], Kind]


def waves(*sizes: int, allowed: int = 0, pause: float = 0) -> list[Wave]:
    names = iter(f"b{number}" for number in range(1, sum(sizes) + 1))
    return [
        Wave(f"wave {number}", tuple(next(names) for _ in range(size)), allowed, pause)
        for number, size in enumerate(sizes, 1)
    ]


def drive(engine: Engine, outcome: Outcome = lambda start: WELL[start.job], order: int = 0) -> list[Start]:
    """Run it to its end, boxes ending in an order drawn by the seed; the starts in theirs."""
    chance = random.Random(order)  # noqa: S311 - an order, the same each time
    running: list[Start] = []
    started: list[Start] = []
    while not engine.finished:
        new = engine.next()
        running += new
        started += new
        if engine.pause:
            assert not running
            engine.resume()
        elif running:
            ended = running.pop(chance.randrange(len(running)))
            kind = outcome(ended)
            engine.tell(ended.box, kind, kind is Kind.CHANGED)
    assert not running
    return started


def told(kinds: dict[str, Kind], job: Job = Job.CHANGE) -> Outcome:
    return lambda start: kinds.get(start.box, WELL[start.job]) if start.job is job else WELL[start.job]


def boxes(started: list[Start], job: Job) -> list[str]:
    return [start.box for start in started if start.job is job]


def test_every_box_is_prepared_changed_in_its_wave_and_released() -> None:
    engine = Engine(waves(1, 2, 3), parallel=2)
    started = drive(engine)
    assert engine.verdict is Verdict.DONE
    for job in (Job.PREPARE, Job.CHANGE, Job.RELEASE):
        assert sorted(boxes(started, job)) == ["b1", "b2", "b3", "b4", "b5", "b6"]
    assert boxes(started, Job.TAKE_BACK) == []


def test_no_more_boxes_at_once_than_allowed_and_none_of_the_next_wave() -> None:
    engine = Engine(waves(3, 3), parallel=2)
    assert [start.box for start in engine.next()] == ["b1", "b2"]
    assert engine.next() == []
    engine.tell("b2", Kind.READY)
    assert [start.box for start in engine.next()] == ["b3"]


def test_the_pause_comes_between_waves_and_not_after_the_last() -> None:
    engine = Engine(waves(1, 1, pause=30), parallel=4)
    pauses = 0
    while not engine.finished:
        for start in engine.next():
            engine.tell(start.box, WELL[start.job])
        if engine.pause:
            assert engine.next() == []
            assert engine.pause == 30
            pauses += 1
            engine.resume()
    assert pauses == 1


def test_a_wave_in_which_nothing_changed_needs_no_pause() -> None:
    engine = Engine(waves(1, 1, pause=30), parallel=4)
    while not engine.finished:
        for start in engine.next():
            engine.tell(start.box, Kind.UNCHANGED if start.job is Job.CHANGE else WELL[start.job])
        assert not engine.pause
    assert engine.verdict is Verdict.DONE


def soaking(*kinds: Kind, touched: bool = True) -> Engine:
    """Two waves; boxes of the first end so. Driven until it asks for a soak, or has ended."""
    made = [Wave("wave 1", ("b1", "b2")[: len(kinds)], 1, pause=30, soak=600), Wave("wave 2", ("b3",), soak=600)]
    engine, outcomes = Engine(made, parallel=4), dict(zip(("b1", "b2"), kinds, strict=False))
    while not (engine.finished or engine.soak or engine.pause):
        for start in engine.next():
            kind = outcomes.get(start.box, WELL[start.job]) if start.job is Job.CHANGE else WELL[start.job]
            engine.tell(start.box, kind, touched and start.job is Job.CHANGE)
    return engine


def test_after_a_soak_in_which_boxes_do_not_differ_the_pause_and_the_next_wave_come() -> None:
    engine = soaking(Kind.CHANGED, Kind.FAILED)
    assert engine.soak == 600 and engine.next() == []
    assert engine.compared() == (["b1"], ["b3"])
    engine.soaked([], "")
    assert engine.next() == [] and engine.pause == 30
    engine.resume()
    assert engine.next() == [Start("b3", Job.CHANGE)]
    engine.tell("b3", Kind.CHANGED, True)
    engine.next()
    assert engine.verdict is Verdict.DONE, "after the last wave nobody is left to compare with"


def test_boxes_that_differ_after_the_soak_are_taken_back_as_a_failed_wave_is() -> None:
    engine = soaking(Kind.CHANGED, Kind.CHANGED)
    engine.soaked(["b1: it is slow", "b2: it is slow"], "")
    started = drive(engine)
    assert (engine.verdict, engine.reason) == (Verdict.TAKEN_BACK, "wave 1, soak: b1: it is slow; b2: it is slow")
    assert boxes(started, Job.TAKE_BACK) == ["b1", "b2"] and not boxes(started, Job.CHANGE)


def test_a_soak_that_tells_nothing_stops_the_roll_out_and_takes_nothing_back() -> None:
    engine = soaking(Kind.CHANGED)
    engine.soaked([], "too few")
    started = drive(engine)
    assert (engine.verdict, engine.reason) == (Verdict.UNPROVEN, "wave 1, soak: too few")
    assert {start.job for start in started} == {Job.RELEASE}


def test_what_was_there_already_needs_no_soak_unless_a_resumed_roll_out_has_brought_it() -> None:
    assert not soaking(Kind.UNCHANGED, touched=False).soak
    assert soaking(Kind.UNCHANGED).soak == 600


def test_an_operator_can_end_a_soak() -> None:
    engine = soaking(Kind.CHANGED)
    engine.stop()
    assert {start.job for start in drive(engine)} == {Job.RELEASE}
    assert engine.verdict is Verdict.INTERRUPTED


@pytest.mark.parametrize("order", range(20))
def test_one_failure_too_many_takes_back_whatever_changed_in_every_order(order: int) -> None:
    engine = Engine(waves(2, 6, 4, allowed=1), parallel=3)
    started = drive(engine, told({"b4": Kind.FAILED, "b5": Kind.FAILED}), order)
    assert engine.verdict is Verdict.TAKEN_BACK
    assert engine.reason == "wave 2: 2 boxes failed, 1 allowed"
    changed = [box for box in boxes(started, Job.CHANGE) if box not in ("b4", "b5")]
    assert sorted(boxes(started, Job.TAKE_BACK)) == sorted(changed)
    assert not {"b9", "b10", "b11", "b12"} & set(changed)
    assert sorted(boxes(started, Job.RELEASE)) == sorted(boxes(started, Job.PREPARE))


def test_after_one_failure_too_many_no_further_box_of_the_wave_is_started() -> None:
    engine = Engine(waves(1, 9), parallel=1)
    started = drive(engine, told({"b2": Kind.FAILED}))
    assert boxes(started, Job.CHANGE) == ["b1", "b2"]


def test_a_failed_box_that_may_run_the_new_release_is_taken_back_too() -> None:
    engine = Engine(waves(1), parallel=1)
    for kind in (Kind.READY, Kind.FAILED):
        (start,) = engine.next()
        engine.tell(start.box, kind, touched=kind is Kind.FAILED)
    assert engine.next() == [Start("b1", Job.TAKE_BACK)]


def test_boxes_out_of_reach_are_left_out_and_no_failure() -> None:
    engine = Engine(waves(1, 2), parallel=4)
    started = drive(engine, told({"b2": Kind.UNREACHABLE}, Job.PREPARE))
    assert engine.verdict is Verdict.DONE
    assert "b2" not in boxes(started, Job.CHANGE) + boxes(started, Job.RELEASE)


def test_a_refused_box_means_that_nothing_is_changed() -> None:
    engine = Engine(waves(1, 2), parallel=4)
    started = drive(engine, told({"b3": Kind.REFUSED}, Job.PREPARE))
    assert engine.verdict is Verdict.REFUSED
    assert boxes(started, Job.CHANGE) == []
    assert sorted(boxes(started, Job.RELEASE)) == ["b1", "b2"]


@pytest.mark.parametrize(
    ("kind", "job"), [(Kind.UNREACHABLE, Job.PREPARE), (Kind.UNREACHABLE, Job.CHANGE), (Kind.FAILED, Job.CHANGE)]
)
def test_a_canary_that_proves_nothing_stops_it_whatever_may_fail(kind: Kind, job: Job) -> None:
    engine = Engine(waves(1, 5, allowed=1), parallel=4)
    started = drive(engine, told({"b1": kind}, job))
    assert engine.verdict is Verdict.UNPROVEN
    assert set(boxes(started, Job.CHANGE)) <= {"b1"}


def test_a_box_that_fails_while_it_is_prepared_counts_in_its_own_wave() -> None:
    engine = Engine(waves(1, 3, allowed=1), parallel=4)
    started = drive(engine, told({"b3": Kind.FAILED}, Job.PREPARE))
    assert engine.verdict is Verdict.DONE
    assert sorted(boxes(started, Job.CHANGE)) == ["b1", "b2", "b4"]
    assert "b3" not in boxes(started, Job.RELEASE)


def test_with_one_more_the_wave_fails_as_any_other() -> None:
    engine = Engine(waves(1, 3, allowed=1), parallel=4)
    outcomes = {("b3", Job.PREPARE): Kind.FAILED, ("b4", Job.CHANGE): Kind.FAILED}
    started = drive(engine, lambda start: outcomes.get((start.box, start.job), WELL[start.job]))
    assert engine.verdict is Verdict.TAKEN_BACK
    assert engine.reason == "wave 2: 2 boxes failed, 1 allowed"
    assert "b1" in boxes(started, Job.TAKE_BACK)


def test_more_than_a_wave_allows_refuses_the_run_before_anything_is_changed() -> None:
    engine = Engine(waves(1, 3), parallel=4)
    started = drive(engine, told({"b3": Kind.FAILED}, Job.PREPARE))
    assert engine.verdict is Verdict.REFUSED
    assert engine.reason == "wave 2: 1 box failed before anything was changed, 0 allowed"
    assert boxes(started, Job.CHANGE) == []
    assert sorted(boxes(started, Job.RELEASE)) == ["b1", "b2", "b4"]


def test_a_rollback_goes_on_without_the_boxes_that_failed_before() -> None:
    engine = Engine(waves(1, 2), parallel=4, careful=False)
    started = drive(engine, told({"b1": Kind.FAILED}, Job.PREPARE))
    assert engine.verdict is Verdict.DONE
    assert sorted(boxes(started, Job.CHANGE)) == ["b2", "b3"]


def test_no_box_in_reach_is_not_done() -> None:
    engine = Engine(waves(2), parallel=4)
    drive(engine, told({"b1": Kind.UNREACHABLE, "b2": Kind.UNREACHABLE}, Job.PREPARE))
    assert (engine.verdict, engine.reason) == (Verdict.UNPROVEN, "no box could be reached")


def test_stopping_starts_nobody_new_and_takes_nobody_back() -> None:
    engine = Engine(waves(1, 4), parallel=2)
    started: list[Start] = []
    while not engine.finished:
        new = engine.next()
        started += new
        for start in new:
            if start.box == "b3" and start.job is Job.CHANGE:
                engine.stop()
            engine.tell(start.box, WELL[start.job])
    assert engine.verdict is Verdict.INTERRUPTED
    assert boxes(started, Job.CHANGE) == ["b1", "b2", "b3"]
    assert boxes(started, Job.TAKE_BACK) == []
    assert len(boxes(started, Job.RELEASE)) == 5


def test_stopping_in_a_pause_ends_it() -> None:
    engine = Engine(waves(1, 1, pause=30), parallel=2)
    while not engine.pause:
        for start in engine.next():
            engine.tell(start.box, WELL[start.job])
    engine.stop()
    started = drive(engine)
    assert engine.verdict is Verdict.INTERRUPTED
    assert boxes(started, Job.CHANGE) == []


def test_stopping_does_not_stop_a_take_back() -> None:
    engine = Engine(waves(1, 1), parallel=1)
    new = engine.next()
    while new[0].job is not Job.TAKE_BACK:
        for start in new:
            failing = start.box == "b2" and start.job is Job.CHANGE
            engine.tell(start.box, Kind.FAILED if failing else WELL[start.job])
        new = engine.next()
    engine.stop()
    engine.tell("b1", Kind.BACK)
    assert [start.job for start in engine.next()] == [Job.RELEASE]
    assert engine.verdict is Verdict.TAKEN_BACK
