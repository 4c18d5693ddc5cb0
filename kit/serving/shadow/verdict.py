"""Whether a candidate does as well as what serves, by the pictures that both were asked about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

GOOD, BAD, UNKNOWN = "as good", "not as good", "not known yet"
LEAST_PICTURES = 200
Z = 1.96  # a two-sided interval of 95 %
SLOWER_MEDIAN, SLOWER_P95 = 1.25, 1.5  # a p95 of few pictures moves by more than a median does
LESS_SURE = 0.05


@dataclass(frozen=True)
class Figures:
    """Of the pictures: how many were compared, and how many of them had the same first answer. The others are pairs, of
    what serves and of the candidate: seconds in the handler, and how sure of the first answer. `unanswered` by the
    candidate; `why` says so of the last."""

    pictures: int
    same: int
    unanswered: int
    p50: tuple[float, float]
    p95: tuple[float, float]
    confidence: tuple[float, float]
    why: str = ""

    @property
    def agreement(self) -> tuple[float, float, float]:
        """The share with the same first answer, and its interval (Wilson's score interval: E. B. Wilson, 1927)."""
        n, share = self.pictures - self.unanswered, self.same / max(1, self.pictures - self.unanswered)
        if not n:
            return 0.0, 0.0, 1.0
        middle, spread = share + Z * Z / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        return share, (middle - spread) / (1 + Z * Z / n), min(1.0, (middle + spread) / (1 + Z * Z / n))


def figures(rows: Iterable[Mapping[str, Any]]) -> Figures:
    """Of comparing.py's rows."""
    all_rows = list(rows)
    pairs = [(row["serving"], row["candidate"]) for row in all_rows if row["candidate"]]
    times = [[one["seconds"] for one in side] for side in zip(*pairs, strict=True)] or [[], []]
    sure = [[one["confidence"] for one in side] for side in zip(*pairs, strict=True)] or [[], []]
    unanswered = [row for row in all_rows if not row["candidate"]]
    return Figures(
        pictures=len(all_rows),
        same=sum(one["label"] == other["label"] for one, other in pairs),
        unanswered=len(unanswered),
        p50=(_median(times[0]), _median(times[1])),
        p95=(_p95(times[0]), _p95(times[1])),
        confidence=(fmean(sure[0] or [0.0]), fmean(sure[1] or [0.0])),
        why=unanswered[-1]["why"] if unanswered else "",
    )


def _median(values: Sequence[float]) -> float:
    return median(values) if values else 0.0


def _p95(values: Sequence[float]) -> float:
    """The nearest rank."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1] if values else 0.0


def verdict(found: Figures, least_agreement: float) -> tuple[str, list[str]]:
    """GOOD, BAD or UNKNOWN, and why, as sentences. `least_agreement` in per cent."""
    share, low, high = (100 * part for part in found.agreement)
    (mine, its), (mine_p95, its_p95), (sure, its_sure) = found.p50, found.p95, found.confidence
    if found.unanswered:
        return BAD, [f"{found.unanswered} of {found.pictures} pictures got no answer of it: {found.why}"]
    if found.pictures < LEAST_PICTURES:
        return UNKNOWN, [f"{found.pictures} of at least {LEAST_PICTURES} pictures were compared"]
    wrong = []
    if high < least_agreement:
        wrong.append(f"{share:.1f} % have the same first answer, and {least_agreement:g} % are wanted")
    if its > SLOWER_MEDIAN * mine or its_p95 > SLOWER_P95 * mine_p95:
        wrong.append(f"it is slower: half within {its * 1000:.1f} ms and not {mine * 1000:.1f} ms")
    if its_sure < sure - LESS_SURE:
        wrong.append(f"it is less sure: {its_sure:.2f} on average and not {sure:.2f}")
    if wrong:
        return BAD, wrong
    if low < least_agreement:
        return UNKNOWN, [
            f"{share:.1f} % have the same first answer, {low:.1f} % at the least; {least_agreement:g} % are wanted"
        ]
    return GOOD, []
