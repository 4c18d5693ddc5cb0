"""Counts in bins, as a record has them: quantiles and shares."""

from __future__ import annotations

import math
from collections.abc import Mapping

from common.watch.series import BELOW, IS, parsed
from kit.report.bounds import BOUNDS

Counts = Mapping[str, float]


def bins(counts: Counts, key: str) -> dict[float, int]:
    """How many values of a key lie up to each bound, and above the bound before it; in the order of the bounds."""
    found = {}
    for name, count in counts.items():
        who, mark, bound = parsed(name)
        if who == key and mark == BELOW:
            found[float(bound)] = int(count)
    return dict(sorted(found.items()))


def values(counts: Counts, key: str) -> dict[str, int]:
    """Of one counter, by value."""
    found = {}
    for name, count in counts.items():
        who, mark, value = parsed(name)
        if who == key and mark == IS:
            found[value] = int(count)
    return found


def quantile(counts: Counts, key: str, share: float) -> float | None:
    """Where `share` of a key's values lie below, by a straight line within the bin, as Prometheus's histogram_quantile
    has it; of what is above all bounds, the last bound. None where nothing was counted."""
    counted, bounds = bins(counts, key), BOUNDS[key]
    wanted, seen = share * sum(counted.values()), 0
    for bound, count in counted.items():
        if count and seen + count >= wanted:
            if math.isinf(bound):
                return bounds[-1]
            below = max((one for one in bounds if one < bound), default=0.0)
            return below + (bound - below) * (wanted - seen) / count
        seen += count
    return None
