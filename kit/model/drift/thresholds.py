"""Thresholds for the drift tests, drawn by resampling the validation pictures.

What could be seen by chance is made up many times over. A site's own pictures are a bootstrap sample of the validation
pictures, as many as there are of those and weighted by the Bayesian bootstrap (Rubin 1981): no site is better known
than its baseline. Two windows are drawn from it, and of each statistic the smaller value kept, since drift is what is
seen in two windows one after the other. A picture that is like none of the others may come, too: it has the weight of
one.

All statistics together may raise one false alarm within the stated number of windows: each gets an equal part of that
(Bonferroni). So far in the tail the values are too few to count, and a generalized Pareto distribution stands for them
(Pickands 1975; scipy.stats.genpareto).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from common.watch import drift
from kit.model.drift.observing import Column

SITES = 20_000
AT_ONCE = 1000  # sites; so much fits into some 100 MB
TAIL = 0.02  # of the values, by which the tail is fitted
SEED = 1810_11953  # the same archive from the same pictures
Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.float32]


def thresholds(columns: Sequence[Column], window: int, chance: float) -> dict[str, float]:
    """Of each statistic, by key; `chance` is that of a false alarm in the next two windows, of all together."""
    drawn = np.concatenate(list(_draw(columns, window)))
    keys = list(dict.fromkeys(column.key for column in columns))
    return {key: tail_quantile(drawn[:, place], chance / len(keys)) for place, key in enumerate(keys)}


def tail_quantile(values: Values, chance: float) -> float:
    """What a value is above with that chance, at most TAIL."""
    start = float(np.quantile(values, 1 - TAIL))
    above = values[values > start] - start
    if len(above) < 10:  # all nearly alike: no tail to speak of
        return float(values.max())
    shape, _, size = stats.genpareto.fit(above, floc=0)
    return start + float(stats.genpareto.isf(chance / (len(above) / len(values)), shape, scale=size))


def _draw(columns: Sequence[Column], window: int) -> Iterator[Values]:
    """Of sites, [sites, statistics]: the smaller value of two windows."""
    chance = np.random.default_rng(SEED)
    pictures = len(columns[0].indices)
    shown = one_hot(columns)
    baseline = shown.sum(axis=0)
    for _ in range(SITES // AT_ONCE):
        weights = chance.standard_exponential((AT_ONCE, pictures + 1))
        own = chance.multinomial(pictures, weights / weights.sum(axis=1, keepdims=True)) / pictures
        strange = _strange(columns, chance)
        both = []
        for _ in range(2):
            drawn = chance.multinomial(window, own).astype(np.float32)
            counts = drawn[:, :-1] @ shown + drawn[:, -1:] * strange
            both.append(statistics(columns, counts, baseline, window, pictures))
        yield np.minimum(*both)


def one_hot(columns: Sequence[Column]) -> Counts:
    """[pictures, all bins of all columns]"""
    found = [np.eye(column.bins, dtype=np.float32)[column.indices] for column in columns]
    return np.concatenate(found, axis=1)


def _strange(columns: Sequence[Column], chance: np.random.Generator) -> Counts:
    """A picture for each site that lies anywhere, [sites, bins]."""
    found = [np.eye(one.bins, dtype=np.float32)[chance.integers(0, one.bins, AT_ONCE)] for one in columns]
    return np.concatenate(found, axis=1)


def statistics(columns: Sequence[Column], counts: Counts, baseline: Counts, window: int, pictures: int) -> Values:
    """As common/watch/drift.py works them out, of many windows at once: [windows, statistics], scaled."""
    by, start = drift.scale(window, pictures), 0
    found: dict[str, Values] = {}
    for column in columns:
        here = slice(start, start + column.bins)
        start += column.bins
        if column.kind == drift.PSI:
            now = (counts[:, here] + 0.5) / (window + column.bins / 2)
            then = (baseline[here] + 0.5) / (pictures + column.bins / 2)
            value = by * by * ((now - then) * np.log(now / then)).sum(axis=1)
        else:
            below = counts[:, here].cumsum(axis=1) / window - baseline[here].cumsum() / pictures
            value = by * np.abs(below).max(axis=1)
        found[column.key] = np.maximum(found[column.key], value) if column.key in found else value
    return np.stack(list(found.values()), axis=1)
