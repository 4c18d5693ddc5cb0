"""Turns of phrase."""

from __future__ import annotations

import pytest

from common.words import count, listed


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [(0, "worker", "0 workers"), (1, "core", "1 core"), (2, "box", "2 boxes"), (2048, "weight", "2,048 weights")],
)
def test_a_noun_is_counted(number: int, noun: str, said: str) -> None:
    assert count(number, noun) == said


def test_a_long_list_is_cut_and_what_was_left_out_is_counted() -> None:
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
