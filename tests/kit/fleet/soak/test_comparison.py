"""What makes boxes with a new release differ from the others, and what does not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kit.fleet.soak.comparison import LEAST_ANSWERS, Seen, compare

CONFIDENT = {0.5: 0.05, 0.7: 0.15, 0.9: 0.3, 0.95: 0.5}
UNSURE = {0.3: 0.2, 0.5: 0.3, 0.7: 0.4, 0.9: 0.1}
QUICK = {0.05: 0.8, 0.075: 0.17, 0.15: 0.03}
SLOW = {0.05: 0.5, 0.075: 0.3, 0.75: 0.2}


def counted(
    chance: random.Random,
    requests: int,
    failing: float = 0.001,
    confidence: dict[float, float] = CONFIDENT,
    seconds: dict[float, float] = QUICK,
) -> dict[str, int]:
    """As a record has it, of requests drawn at random."""
    found: dict[str, int] = {}
    for _ in range(requests):
        names = [f"gateway={500 if chance.random() < failing else 200}"]
        names.append(f"gateway_seconds<{chance.choices(list(seconds), list(seconds.values()))[0]:g}")
        names.append(f"confidence<{chance.choices(list(confidence), list(confidence.values()))[0]:g}")
        for name in names:
            found[name] = found.get(name, 0) + 1
    return found


def box(name: str, chance: random.Random, requests: int = 400, **ways: object) -> Seen:
    """A shop does the day before what it does now; unless it has the new release, in `ways`."""
    plain = counted(chance, 1000)
    return Seen(name, counted(chance, requests, **ways), plain)  # type: ignore[arg-type]


@pytest.fixture
def chance() -> random.Random:
    return random.Random(2026)  # noqa: S311 - the same each time


def old(chance: random.Random, count: int = 4) -> list[Seen]:
    return [box(f"old{number}", chance) for number in range(count)]


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ({"failing": 0.05}, "of its answers failed"),
        ({"seconds": SLOW}, "its p99 is"),
        ({"confidence": UNSURE}, "it is less sure: half of its answers are below"),
        ({"confidence": {0.95: 1.0}}, "it is surer"),
    ],
)
def test_each_kind_of_difference_is_told_of_the_box_that_has_it(
    chance: random.Random, ways: dict[str, object], words: str
) -> None:
    found = compare([box("new", chance, 400, **ways)], old(chance))
    (sentence,) = found.differences
    assert sentence.startswith("new: ") and words in sentence and not found.unproven


def test_one_of_many_boxes_is_found(chance: random.Random) -> None:
    new = [box("new1", chance), box("new2", chance, seconds=SLOW), box("new3", chance)]
    assert any(words.startswith("new2: its p99") for words in compare(new, old(chance)).differences)


def test_a_little_of_it_on_each_box_is_found_of_all_together(chance: random.Random) -> None:
    new = [box(f"new{number}", chance, 110, failing=0.02) for number in range(20)]
    found = compare(new, old(chance, 20)).differences
    assert found and found[0].startswith("the boxes with the new release: ")


def test_a_release_that_does_not_differ_is_stopped_by_chance_in_less_than_one_soak_of_a_hundred(
    chance: random.Random,
) -> None:
    stopped = sum(
        bool(compare([box(f"new{number}", chance, 200) for number in range(2)], old(chance, 3)).differences)
        for _ in range(100)
    )
    assert stopped <= 1


def test_a_shop_that_was_so_before_is_no_difference(chance: random.Random) -> None:
    dim = {"failing": 0.05, "confidence": UNSURE, "seconds": SLOW}
    slow = Seen("new", counted(chance, 400, **dim), counted(chance, 1000, **dim))  # type: ignore[arg-type]
    assert not compare([slow], old(chance)).differences


def test_what_happens_on_an_old_box_too_is_no_difference(chance: random.Random) -> None:
    new = box("new", chance, seconds=SLOW)
    assert not compare([new], [*old(chance), box("old9", chance, seconds=SLOW)]).differences


def test_an_alert_counts_where_no_old_box_has_it(chance: random.Random) -> None:
    new = replace(box("new", chance), alerts={"VisionDrift": "darker"})
    assert compare([new], old(chance)).differences == ("new: VisionDrift: darker",)
    others = old(chance)
    others[1] = replace(others[1], alerts={"VisionDrift": "darker, less sure"})
    assert compare([new], others).differences == ()


def test_an_alert_counts_though_there_is_little_traffic(chance: random.Random) -> None:
    new = replace(box("new", chance, 3), alerts={"VisionWorkersDie": "5 workers died"})
    assert compare([new], old(chance)).differences == ("new: VisionWorkersDie: 5 workers died",)


def test_too_little_traffic_proves_nothing_on_either_side(chance: random.Random) -> None:
    few = box("new", chance, LEAST_ANSWERS - 1)
    assert "new release got 99 requests in the soak" in compare([few], old(chance)).unproven
    assert "old release got 99 requests" in compare([box("new", chance)], [replace(few, name="old")]).unproven
    assert "old release got 0 requests" in compare([box("new", chance)], []).unproven


def test_a_new_box_without_a_day_before_is_compared_with_the_others_alone(chance: random.Random) -> None:
    new = replace(box("new", chance, failing=0.1), before={})
    assert compare([new], old(chance)).differences


def test_boxes_that_measure_no_confidence_are_compared_by_the_rest(chance: random.Random) -> None:
    plain = {"code=200": 400, "handler<0.05": 400}
    failing = plain | {"code=500": 40}
    assert not compare([Seen("new", plain)], [Seen("old", plain)]).differences
    assert compare([Seen("new", failing)], [Seen("old", plain)]).differences == (
        "new: 9.1% of its answers failed, 0.0% where the old release runs",
    )
