"""How many were right."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.batch.accuracy import accuracy
from kit.batch.results import Row

SIX = {label: 0.3 - index / 20 for index, label in enumerate("ABCDEF")}


def row(true_label: str | None, answer: dict[str, float], error: str = "") -> Row:
    return Row(Path("x.jpg"), true_label, answer, error)


def test_nothing_is_told_without_labels_or_answers() -> None:
    assert accuracy([]) is None
    assert accuracy([row(None, SIX), row("A", {}, "HTTP 415")]) is None


def test_first_and_fifth_answers_count_and_a_missing_one_does_not() -> None:
    found = accuracy([row("A", SIX), row("E", SIX), row("F", SIX), row("Z", SIX), row("A", {}, "no"), row(None, SIX)])
    assert found
    assert (found.asked, found.top1, found.top5) == (4, 0.25, 0.5)
    assert found.by_label == {"A": (1, 1), "E": (0, 1), "F": (0, 1), "Z": (0, 1)}


def test_the_worst_labels_come_first() -> None:
    rows = [row("A", SIX), row("A", SIX), row("A", {"B": 1.0}), row("B", SIX), row("C", {"C": 1.0})]
    found = accuracy(rows)
    assert found
    assert found.worst(5) == [("B", 0, 1), ("A", 2, 3)]
    assert found.worst(1) == [("B", 0, 1)]
    assert found.top1 == pytest.approx(3 / 5)
