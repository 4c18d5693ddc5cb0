"""Whether what comes in and goes out still looks like the validation pictures: tests on windows of some hundred
pictures.

Of the answers, Kolmogorov and Smirnov's statistic on the confidence, the entropy and each output («Failing Loudly»,
arXiv 1810.11953: of the outputs the largest), and the population stability index of the labels; the same statistic on
how the pictures look. When a statistic is above its threshold in two windows one after the other, that is drift. The
thresholds are drawn at export (kit/model/drift), for both windows together and all statistics together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FILE = "baseline.json"  # in the archive
KS, PSI, OUTPUTS = "ks", "psi", "outputs"
LEVELS = (0.01, 0.03, 0.1, 0.3, 0.7)  # of an output, as handlers/measures.py has them
# What a statistic that is too large means, where the values have become smaller, and where larger.
WORDS = {
    "confidence": ("less sure", "surer"),
    "entropy": ("surer", "less sure"),
    "brightness": ("darker", "brighter"),
    "saturation": ("greyer", "more colourful"),
    "warmth": ("bluer", "redder"),
    "sharpness": ("blurred", "sharper"),
    "label": ("other answers", "other answers"),
    "outputs": ("other probabilities", "other probabilities"),
}
REPEATED = "repeated"
FROZEN = "the same picture again and again"
MOST_WORDS = 3
FROZEN_SHARE = 0.5  # of a window that drifts


@dataclass(frozen=True)
class Statistic:
    """Of the baseline. `counts` by bin: for `outputs` [groups][levels], with what is below all of them first.
    `threshold` is of the scaled statistic."""

    key: str
    kind: str
    counts: Sequence[Any]
    threshold: float


@dataclass(frozen=True)
class Baseline:
    """Of `pictures` validation pictures, for windows of `window`. `labels`: the bins of label."""

    window: int
    pictures: int
    labels: Sequence[str]
    statistics: Sequence[Statistic]


def parse(document: Mapping[str, Any]) -> Baseline:
    """baseline.json. Raises KeyError, TypeError or ValueError for anything else."""
    rows = [
        Statistic(str(row["key"]), str(row["kind"]), list(row["counts"]), float(row["threshold"]))
        for row in document["statistics"]
    ]
    labels = [str(label) for label in document["labels"]]
    return Baseline(int(document["window"]), int(document["pictures"]), labels, rows)


def scale(window: int, pictures: int) -> float:
    """What makes statistics of windows of different sizes comparable: sqrt(nN / (n + N))."""
    return math.sqrt(window * pictures / (window + pictures))


def ks(counts: Sequence[int], baseline: Sequence[int]) -> tuple[float, float]:
    """The largest difference of the two distributions below a bound, and its sign: +1 where the window's values are
    smaller. Neither may be empty."""
    total, seen = sum(counts), 0
    total_before, seen_before = sum(baseline), 0
    largest = 0.0
    for count, before in zip(counts, baseline, strict=True):
        seen, seen_before = seen + count, seen_before + before
        difference = seen / total - seen_before / total_before
        if abs(difference) > abs(largest):
            largest = difference
    return abs(largest), math.copysign(1.0, largest)


def psi(counts: Sequence[int], baseline: Sequence[int]) -> float:
    """The population stability index; half a count is added to each bin, since it has a logarithm."""
    total, before = sum(counts) + len(counts) / 2, sum(baseline) + len(baseline) / 2
    shares = [((one + 0.5) / total, (other + 0.5) / before) for one, other in zip(counts, baseline, strict=True)]
    return sum((now - then) * math.log(now / then) for now, then in shares)


@dataclass(frozen=True)
class Window:
    """What was counted of some pictures: bins by key, and how many repeated the one before."""

    pictures: int
    bins: Mapping[str, Sequence[Any]]
    repeated: int


def scores(window: Window, baseline: Baseline) -> dict[str, tuple[float, float]]:
    """Each statistic by its threshold, and its sign: above 1 it is too large."""
    by = scale(window.pictures, baseline.pictures)
    found = {}
    for one in baseline.statistics:
        counts, sign = window.bins[one.key], 1.0
        if one.kind == PSI:
            value = by * by * psi(counts, one.counts)
        elif one.kind == OUTPUTS:
            value = by * max(ks(group, before)[0] for group, before in zip(counts, one.counts, strict=True))
        else:
            value, sign = ks(counts, one.counts)
            value *= by
        found[one.key] = (value / one.threshold, sign)
    return found


@dataclass
class Detector:
    """Of one model version, which `who` names to Prometheus. `drifted`: the statistics that were too large twice, until
    a window in which none is."""

    baseline: Baseline
    who: Mapping[str, str] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    drifted: tuple[str, ...] = ()
    words: str = ""
    _above: frozenset[str] = frozenset()

    def judge(self, window: Window) -> bool:
        """Take in the next window. True when drift has begun or ended with it."""
        found = scores(window, self.baseline)
        self.scores = {key: score for key, (score, _) in found.items()}
        above = frozenset(key for key, score in self.scores.items() if score > 1)
        twice, self._above = above & self._above, above
        was = self.drifted
        if twice:
            self.drifted = tuple(key for key in found if key in twice)
            self.words = said(self.drifted, found, window)
        elif not above:
            self.drifted = ()
        return bool(was) != bool(self.drifted)


def said(drifted: Sequence[str], found: Mapping[str, tuple[float, float]], window: Window) -> str:
    """`darker, less sure, other answers`: the largest first."""
    ranked = sorted(drifted, key=lambda key: -found[key][0])
    words = [WORDS[key][found[key][1] < 0] for key in ranked]
    if window.repeated > FROZEN_SHARE * window.pictures:
        words.insert(0, FROZEN)
    return ", ".join(list(dict.fromkeys(words))[:MOST_WORDS])
