"""Kubernetes's horizontal autoscaler, as autoscaling/v2 works out a number of replicas.

Source: kubernetes.io «Horizontal Pod Autoscaling», algorithm details and default behavior.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

SYNC_SECONDS = 15
TOLERANCE = 0.1
STABLE_SECONDS = 300  # of those wanted in this time, the most: how slowly it goes down
STEP_PODS, STEP_FACTOR = 4, 2  # up to the larger of the two in each 15 s


@dataclass
class Autoscaler:
    """`target` of the metric, as an average over pods."""

    target: float
    least: int
    most: int
    _wanted: deque[int] = field(default_factory=lambda: deque(maxlen=STABLE_SECONDS // SYNC_SECONDS))

    def replicas(self, now: int, ready: int, value: float) -> int:
        """How many there are to be, of `now` of which `ready` are; `value`: the average over those that are ready."""
        found = min(max(self._proportional(now, ready, value), self.least), self.most)
        self._wanted.append(found)
        if found > now:
            return min(found, max(now + STEP_PODS, now * STEP_FACTOR))
        return min(now, max(self._wanted))

    def _proportional(self, now: int, ready: int, value: float) -> int:
        ratio = value / self.target
        if abs(ratio - 1) <= TOLERANCE:
            return now
        if ratio < 1:
            return math.ceil(ratio * ready)
        # Those that are not ready count as idle, and may turn a wish for more into none.
        dampened = ratio * ready / now
        return now if dampened <= 1 + TOLERANCE else math.ceil(dampened * now)
