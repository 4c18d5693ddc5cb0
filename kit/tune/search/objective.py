"""What the user wants: a figure to push, and limits that have to be kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

from common.errors import UsageError
from kit.tune.search.candidate import Result

OBJECTIVES = ("throughput", "latency", "memory")


@dataclass(frozen=True, order=True)
class Score:
    """Smaller is better. Whoever meets the limits comes before whoever does not, and is ranked by `cost`;
    the others are ranked by `violation`, how far they miss, so that a search climbs towards keeping them.
    `slowness` (seconds an image) decides between equals: memory to spare is no reason to answer late."""

    violation: float
    cost: float
    slowness: float

    @property
    def feasible(self) -> bool:
        return self.violation == 0

    def gain_over(self, other: Score) -> float:
        """How much better this is, as a share of the better one's figure: 0.25 is 25 % more throughput, or a
        latency that was 25 % longer. Negative for worse; infinite where only one meets the limits."""
        if self.feasible != other.feasible:
            return math.inf if self.feasible else -math.inf
        mine, theirs = (self.cost, other.cost) if self.feasible else (1 + self.violation, 1 + other.violation)
        if mine == theirs:  # also where both could not be measured at all
            return 0.0
        return theirs / mine - 1

    def beats(self, other: Score, noise: float) -> bool:
        """Is this better by more than `noise`, or as good and faster by more than that?"""
        gain = self.gain_over(other)
        if abs(gain) > noise:
            return gain > 0
        return math.isfinite(self.slowness) and other.slowness / self.slowness - 1 > noise


@dataclass(frozen=True)
class Goal:
    """`p99_limit` in ms and `memory_limit` in bytes; None is no limit. No request may fail, ever."""

    objective: str
    p99_limit: float | None = None
    memory_limit: int | None = None

    def check(self) -> None:
        """Raises UsageError for an objective or a limit that cannot be."""
        if self.objective not in OBJECTIVES:
            raise UsageError(f"OBJECTIVE={self.objective} is not one of {', '.join(OBJECTIVES)}")
        if self.p99_limit is not None and self.p99_limit <= 0:
            raise UsageError(f"SLO_P99_MS={self.p99_limit:g} must be more than 0 ms")
        if self.memory_limit is not None and self.memory_limit <= 0:
            raise UsageError(f"MEMORY_LIMIT_MB={self.memory_limit >> 20} must be more than 0 MB")

    def misses(self, result: Result) -> dict[str, float]:
        """The limits that a result does not keep, each with by how much: 0.3 is 30 % over."""
        over = {"failed requests": result.error_share}
        if self.p99_limit is not None:
            over["p99"] = result.p99 / self.p99_limit - 1
        if self.memory_limit is not None:
            over["memory"] = result.memory / self.memory_limit - 1
        return {limit: share for limit, share in over.items() if share > 0}

    def score(self, result: Result) -> Score:
        if result.failure:
            return Score(math.inf, math.inf, math.inf)
        slowness = 1 / result.throughput
        cost = {"throughput": slowness, "latency": result.p99, "memory": result.memory}[self.objective]
        return Score(sum(self.misses(result).values()), cost, slowness)

    def figure(self, result: Result) -> str:
        """The figure that counts, with its unit."""
        if self.objective == "throughput":
            return f"{result.throughput:.1f} images/s"
        return f"p99 {result.p99:.0f} ms" if self.objective == "latency" else f"{result.memory / (1 << 20):.0f} MB"

    @property
    def words(self) -> str:
        """`the most throughput with p99 ≤ 100 ms and memory ≤ 900 MB`"""
        aim = {"throughput": "the most throughput", "latency": "the shortest p99 latency", "memory": "the least memory"}
        return aim[self.objective] + (f" with {limits}" if (limits := self.limits) else "")

    @property
    def limits(self) -> str:
        parts = []
        if self.p99_limit is not None:
            parts.append(f"p99 ≤ {self.p99_limit:g} ms")
        if self.memory_limit is not None:
            parts.append(f"memory ≤ {self.memory_limit / (1 << 20):.0f} MB")
        return " and ".join(parts)
