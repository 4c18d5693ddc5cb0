"""One set of settings that could serve, and what came of trying it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import fmean

from common.words import count
from kit.bench.measurement import Measurement


@dataclass(frozen=True, order=True)
class Candidate:
    """`delay` is how long a batch may wait to fill, in ms. It is 0 with `batch` 1, where nothing waits."""

    precision: str
    workers: int
    threads: int
    batch: int
    delay: int

    @property
    def words(self) -> str:
        """`int8, 2 workers × 1 thread, batch 4 in 5 ms`"""
        shape = f"{count(self.workers, 'worker')} × {count(self.threads, 'thread')}"
        return f"{self.precision}, {shape}, " + (
            f"batch {self.batch} in {self.delay} ms" if self.batch > 1 else "no batches"
        )

    def with_batch(self, batch: int, delay: int) -> Candidate:
        return replace(self, batch=batch, delay=delay if batch > 1 else 0)


@dataclass(frozen=True)
class Failure:
    """The candidate could not be measured: it did not start, or the server ended. `reason` is a sentence."""

    reason: str


Outcome = Measurement | Failure


@dataclass(frozen=True)
class Result:
    """All that was seen of one candidate, in the order it was seen."""

    candidate: Candidate
    outcomes: tuple[Outcome, ...]

    def and_also(self, outcome: Outcome) -> Result:
        return replace(self, outcomes=(*self.outcomes, outcome))

    @property
    def failure(self) -> str:
        """Why it cannot serve; "" when it did every time it was tried."""
        return next((outcome.reason for outcome in self.outcomes if isinstance(outcome, Failure)), "")

    @property
    def measurements(self) -> list[Measurement]:
        return [outcome for outcome in self.outcomes if isinstance(outcome, Measurement)]

    @property
    def throughput(self) -> float:
        """Right answers a second."""
        return self._mean(lambda measurement: measurement.throughput)

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return self._mean(lambda measurement: measurement.p50)

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return self._mean(lambda measurement: measurement.p99)

    @property
    def memory(self) -> float:
        """Bytes."""
        return self._mean(lambda measurement: measurement.memory)

    @property
    def error_share(self) -> float:
        """Of all requests."""
        errors = sum(measurement.errors for measurement in self.measurements)
        return errors / max(1, errors + sum(measurement.requests for measurement in self.measurements))

    def _mean(self, of: Callable[[Measurement], float]) -> float:
        return fmean(map(of, self.measurements))
