"""Something that many jobs share at once: the workstation's processors, its uplink. Pure.

Every job at it gets the same rate: its own limit, or an equal share of the whole when that is less. Jobs are ordered by
the service each still lacks, which falls equally for all, so a change of the rate moves no job past another.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable


class Shared:
    """`capacity` is units a second for all, `limit` for one job (cores and one core; bytes/s of workstation and
    box)."""

    def __init__(self, capacity: float, limit: float) -> None:
        self.capacity, self.limit = capacity, limit
        self.used = 0.0
        self._served = 0.0
        self._at = 0.0
        self._jobs: list[tuple[float, int, Hashable]] = []
        self._entered = 0

    def enter(self, now: float, job: Hashable, amount: float) -> None:
        self._advance(now)
        self._entered += 1
        heapq.heappush(self._jobs, (self._served + amount, self._entered, job))

    def next_end(self) -> float:
        """When the first of its jobs ends, infinity with none."""
        if not self._jobs:
            return float("inf")
        return self._at + max(0.0, self._jobs[0][0] - self._served) / self._rate

    def leave(self, now: float) -> Hashable:
        """The job that ends now."""
        self._advance(now)
        return heapq.heappop(self._jobs)[2]

    @property
    def _rate(self) -> float:
        return min(self.limit, self.capacity / len(self._jobs))

    def _advance(self, now: float) -> None:
        if self._jobs:
            served = (now - self._at) * self._rate
            self._served += served
            self.used += served * len(self._jobs)
        self._at = now
