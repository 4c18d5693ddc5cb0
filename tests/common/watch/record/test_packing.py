"""Minutes as few bytes, and back."""

from __future__ import annotations

import random

import pytest

from common.watch.record import packing

LEVELS = {7}


def busy_hour(seed: int) -> dict[int, dict[int, int]]:
    chance = random.Random(seed)  # noqa: S311 - no secret
    return {
        minute: {7: 500 + chance.randint(-3, 3)}
        | {series: chance.choice([0, 1, 2, 3, 200, 70_000]) for series in chance.sample(range(10, 400), 80)}
        for minute in sorted(chance.sample(range(60), 41))
    }


def without_zeros(minutes: dict[int, dict[int, int]]) -> dict[int, dict[int, int]]:
    return {minute: {name: value for name, value in row.items() if value} for minute, row in minutes.items()}


@pytest.mark.parametrize("seed", range(5))
def test_what_is_packed_comes_back(seed: int) -> None:
    hour = busy_hour(seed)
    assert packing.unpack_hour(packing.pack_hour(hour, LEVELS), LEVELS) == without_zeros(hour)
    for values in without_zeros(hour).values():
        assert packing.unpack_minute(packing.pack_minute(values)) == values


def test_a_minute_in_which_nothing_happened_is_still_one() -> None:
    assert packing.unpack_hour(packing.pack_hour({3: {}, 59: {0: 1}}, set()), set()) == {3: {}, 59: {0: 1}}
    assert packing.unpack_minute(packing.pack_minute({5: 0})) == {}


def test_a_level_that_falls_is_a_small_step() -> None:
    falling = {minute: {7: 4000 - minute} for minute in range(60)}
    assert len(packing.pack_hour(falling, LEVELS)) < 40
    assert packing.unpack_hour(packing.pack_hour(falling, LEVELS), LEVELS) == falling


def test_several_minutes_as_one() -> None:
    minutes = {0: {1: 2, 7: 500}, 5: {1: 3, 7: 510}, 21: {1: 1}}
    assert packing.coarser(minutes, 20, LEVELS) == {0: {1: 5, 7: 510}, 20: {1: 1}}


@pytest.mark.parametrize("packed", [b"", b"noise", packing.pack_hour({1: {2: 300}}, set())[:-1]])
def test_noise_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        packing.unpack_hour(packed, set())


@pytest.mark.parametrize("packed", [b"\x80", b"\x05", b"\x05\x81"])
def test_a_minute_that_is_cut_off_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        packing.unpack_minute(packed)
