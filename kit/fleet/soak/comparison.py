"""Whether boxes with a new release differ, for the worse or in what they see, from boxes on the old one. Pure.

Shops differ: in what they sell, their light, their hardware. So a difference counts only if it is one from all boxes on
the old release together, from each of them, and from what the same box did on the old release the day before; and if it
is large enough to matter. Each test is one-sided at ALPHA divided by the number of tests (Bonferroni), so that of a
hundred soaks of a release that does not differ at most one is stopped by chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from scipy.stats import fisher_exact

from common.watch import drift
from common.watch.conditions import ERROR_BUDGET
from common.watch.record.recorder import added
from common.words import count
from kit.report import figures, histogram
from kit.report.bounds import BOUNDS
from kit.report.histogram import Counts

ALPHA = 0.01
LEAST_ANSWERS = 100  # of a box, or of boxes together: fewer tell nothing of a 99th percentile
SLOWER = 1.25  # of the 99th percentile: buckets are as coarse
LESS_SURE = 0.1  # of the answers lie lower, or higher
TOGETHER = "the boxes with the new release"


@dataclass(frozen=True)
class Seen:
    """What a box, or boxes together, did in the soak (`now`) and on the old release the day before (`before`), by the
    names of a record; `alerts` are those that began in the soak, by name, in words."""

    name: str
    now: Mapping[str, int]
    before: Mapping[str, int] = field(default_factory=dict)
    alerts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """`differences`, each in a sentence; or why nothing can be said (`unproven`). Both empty: they do not differ."""

    differences: tuple[str, ...] = ()
    unproven: str = ""


def compare(new: Sequence[Seen], old: Sequence[Seen]) -> Comparison:
    """Boxes with the new release against those on the old one."""
    found = list(_alerts(new, old))
    ours, theirs = together(TOGETHER, new), together("the boxes on the old release", old)
    if not found:
        for group in (ours, theirs):
            if (answers := answered(group.now)) < LEAST_ANSWERS:
                words = f"{group.name} got {count(answers, 'request')} in the soak, which is too few to compare"
                return Comparison(unproven=words)
    suspects, others = ([one for one in group if answered(one.now) >= LEAST_ANSWERS] for group in (new, old))
    if len(new) > 1:
        suspects.insert(0, ours)
    alpha = ALPHA / len(MEASURES) / max(1, len(suspects))
    for suspect in suspects:
        for differs in MEASURES:
            if words := differs(suspect, theirs, others, alpha):
                found.append(f"{suspect.name}: {words}")
    return Comparison(tuple(found))


def together(name: str, boxes: Sequence[Seen]) -> Seen:
    now: dict[str, int] = {}
    before: dict[str, int] = {}
    for box in boxes:
        now, before = added(now, box.now), added(before, box.before)
    return Seen(name, now, before)


def answered(counts: Counts) -> int:
    return sum(figures.codes(counts).values())


def _alerts(new: Sequence[Seen], old: Sequence[Seen]) -> Iterator[str]:
    """What has begun on a new box and on none of the others: drift, dying workers, memory."""
    elsewhere = {name for one in old for name in one.alerts}
    for box in new:
        yield from (f"{box.name}: {name}: {words}" for name, words in box.alerts.items() if name not in elsewhere)


def _references(suspect: Seen, theirs: Seen) -> list[Counts]:
    """What must both be better: the others at the same time, and the same box before, where there is enough of it."""
    return [theirs.now, *([suspect.before] if answered(suspect.before) >= LEAST_ANSWERS else [])]


def _fails(suspect: Seen, theirs: Seen, others: Sequence[Seen], alpha: float) -> str:
    ratio = _error_ratio(suspect.now)
    least = max([_error_ratio(one.now) for one in others], default=0.0) + ERROR_BUDGET
    if ratio <= least:
        return ""
    for reference in _references(suspect, theirs):
        if not _more(_failures(suspect.now), _failures(reference), alpha):
            return ""
    return f"{ratio:.1%} of its answers failed, {_error_ratio(theirs.now):.1%} where the old release runs"


def _slow(suspect: Seen, theirs: Seen, others: Sequence[Seen], alpha: float) -> str:
    key = next((key for key in figures.LATENCIES if histogram.bins(suspect.now, key)), figures.LATENCIES[0])
    mine, typical = _p99(suspect.now, key), _p99(theirs.now, key)
    if mine <= SLOWER * max(typical, *(_p99(one.now, key) for one in others)):
        return ""
    for reference in _references(suspect, theirs):
        limit = _p99(reference, key)
        slower = _more(_above(suspect.now, key, limit), _above(reference, key, limit), alpha)
        if mine <= SLOWER * limit or not slower:
            return ""
    return f"its p99 is {1000 * mine:,.0f} ms, {1000 * typical:,.0f} ms where the old release runs"


def _sure(sign: float, suspect: Seen, theirs: Seen, others: Sequence[Seen], alpha: float) -> str:
    """Of the confidence; `sign` +1 for less, -1 for more."""
    mine = histogram.bins(suspect.now, "confidence")
    for reference in [*(one.now for one in others), *_references(suspect, theirs)]:
        other = histogram.bins(reference, "confidence")
        if not mine or not other:
            return ""  # a handler of somebody's own, or an older one
        distance, direction = drift.ks(*_alike(mine, other))
        n, m = sum(mine.values()), sum(other.values())
        chance = math.exp(-2 * distance**2 * n * m / (n + m))  # one-sided, Smirnov's; of bins it is too large
        if direction != sign or distance < LESS_SURE or chance >= alpha:
            return ""
    medians = [histogram.quantile(counts, "confidence", 0.5) or 0.0 for counts in (suspect.now, theirs.now)]
    words = "less sure" if sign > 0 else "surer"
    return f"it is {words}: half of its answers are below {medians[0]:.0%}, where the old release runs {medians[1]:.0%}"


MEASURES: tuple[Callable[[Seen, Seen, Sequence[Seen], float], str], ...] = (
    _fails,
    _slow,
    partial(_sure, 1.0),
    partial(_sure, -1.0),
)


def _more(ours: tuple[int, int], theirs: tuple[int, int], alpha: float) -> bool:
    """Is the share of the first in the sum of both larger? Fisher's exact test, one-sided."""
    return bool(fisher_exact([ours, theirs], alternative="greater").pvalue < alpha)


def _failures(counts: Counts) -> tuple[int, int]:
    """How many failed, and how many did not. A refused picture is the client's fault."""
    told = figures.figures(counts, 1.0)
    failed = int(told["failed"] + told["busy"])
    return failed, int(told["requests"]) - failed


def _error_ratio(counts: Counts) -> float:
    failed, well = _failures(counts)
    return failed / (failed + well) if failed + well else 0.0


def _p99(counts: Counts, key: str) -> float:
    """Seconds; 0 where this was not measured."""
    return histogram.quantile(counts, key, 0.99) or 0.0


def _above(counts: Counts, key: str, seconds: float) -> tuple[int, int]:
    """How many took longer than the bucket that this time is in, and how many did not."""
    bins = histogram.bins(counts, key)
    limit = min((bound for bound in BOUNDS[key] if bound >= seconds), default=math.inf)
    above = sum(number for bound, number in bins.items() if bound > limit)
    return above, sum(bins.values()) - above


def _alike(one: Mapping[float, int], other: Mapping[float, int]) -> tuple[list[int], list[int]]:
    """By the same bounds."""
    bounds = sorted({*one, *other})
    return [one.get(bound, 0) for bound in bounds], [other.get(bound, 0) for bound in bounds]
