from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.serving.shadow.verdict import BAD, GOOD, UNKNOWN, Figures, figures, verdict


def row(label: str = "Lime", other: str = "Lime", seconds: float = 0.008, its: float = 0.008) -> dict[str, Any]:
    return {
        "serving": {"label": label, "confidence": 0.9, "seconds": seconds},
        "candidate": {"label": other, "confidence": 0.8, "seconds": its},
    }


def test_figures_are_of_pairs() -> None:
    found = figures(
        [row(), row(other="Banana", its=0.016), {"serving": row()["serving"], "candidate": None, "why": "x"}]
    )
    assert (found.pictures, found.same, found.unanswered, found.why) == (3, 1, 1, "x")
    assert found.p50 == pytest.approx((0.008, 0.012))
    assert found.p95 == (0.008, 0.016)
    assert found.confidence == pytest.approx((0.9, 0.8))
    assert found.agreement[0] == 0.5


def test_without_a_picture_nothing_is_known() -> None:
    assert verdict(figures([]), 98) == (UNKNOWN, ["0 of at least 200 pictures were compared"])


@pytest.mark.parametrize(
    ("same", "of", "interval"),
    # R: prop.test(same, of, correct = FALSE)$conf.int
    [(200, 200, (0.98116, 1.0)), (190, 200, (0.91042, 0.97261)), (1, 10, (0.01788, 0.40415))],
)
def test_the_interval_is_wilson_s(same: int, of: int, interval: tuple[float, float]) -> None:
    assert seen(pictures=of, same=same).agreement[1:] == pytest.approx(interval, abs=1e-4)


def seen(**changes: Any) -> Figures:
    return replace(Figures(1000, 1000, 0, (0.008, 0.008), (0.01, 0.01), (0.8, 0.8)), **changes)


@pytest.mark.parametrize(
    ("changes", "said", "word"),
    [
        ({}, GOOD, ""),
        ({"same": 990}, UNKNOWN, "99.0 % have the same first answer, 98.2 % at the least; 98.5 % are wanted"),
        ({"same": 950}, BAD, "95.0 % have the same first answer, and 98.5 % are wanted"),
        ({"pictures": 199, "same": 199}, UNKNOWN, "199 of at least 200"),
        ({"same": 999, "unanswered": 1, "why": "HTTP 503"}, BAD, "1 of 1000 pictures got no answer of it: HTTP 503"),
        ({"p50": (0.008, 0.011)}, BAD, "it is slower: half within 11.0 ms and not 8.0 ms"),
        ({"p95": (0.010, 0.016)}, BAD, "it is slower"),
        ({"p50": (0.008, 0.009), "p95": (0.010, 0.014)}, GOOD, ""),
        ({"confidence": (0.80, 0.74)}, BAD, "it is less sure: 0.74 on average and not 0.80"),
        ({"confidence": (0.80, 0.95)}, GOOD, ""),
    ],
)
def test_what_it_comes_to(changes: dict[str, Any], said: str, word: str) -> None:
    found, why = verdict(seen(**changes), 98.5)
    assert found == said
    assert word in " ".join(why)
    assert bool(why) == bool(word)
