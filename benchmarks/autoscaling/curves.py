"""Loads over time, as shares of their peak."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MINUTE = 60.0


@dataclass(frozen=True)
class Curve:
    """`share(seconds)`: 0 to 1 of the peak."""

    duration: float
    share: Callable[[float], float]


def _ramp(at: float) -> float:
    return min(1.0, 0.1 + 0.9 * at / (20 * MINUTE))


def _spike(at: float) -> float:
    return 1.0 if 10 * MINUTE <= at < 20 * MINUTE else 0.25


def _day(at: float) -> float:
    """A day in two hours, which is harder than a day: night, noon, and a higher evening."""
    hour = at / MINUTE / 5
    noon, evening = math.exp(-(((hour - 12) / 2.5) ** 2)), math.exp(-(((hour - 18.5) / 1.8) ** 2))
    return min(1.0, 0.08 + 0.65 * noon + 0.92 * evening)


CURVES: Mapping[str, Curve] = {
    "ramp": Curve(40 * MINUTE, _ramp),
    "spike": Curve(40 * MINUTE, _spike),
    "day": Curve(120 * MINUTE, _day),
}
