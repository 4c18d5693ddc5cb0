"""What is asked of a server, and how each answer is counted. Shared by the generator's process and its parent.

Closed loop: so many clients, each sends the next picture when it has its answer. It shows what a server can do.
Open loop: requests arrive at a rate, at random moments, whether or not earlier ones were answered, as customers do.
It shows how long they wait: latency counts from the moment a request was due, so a server that stalls is charged
for everyone who would have asked meanwhile (a closed loop forgets them: "coordinated omission").
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Closed loop with `clients`, or open loop with `rate` requests a second; the other one is 0."""

    clients: int = 0
    rate: float = 0.0

    @property
    def title(self) -> str:
        if self.rate:
            return f"{self.rate:.3g}/s, open"
        return f"{self.clients} client{'s' if self.clients > 1 else ''}"


@dataclass(frozen=True)
class LoadPlan:
    """What the generator gets on stdin. Times in seconds; `pictures` are files, asked in this order again and again."""

    url: str
    path: str
    headers: dict[str, str]
    pictures: list[str]
    clients: int
    rate: float
    warm_up: float
    seconds: float
    seed: int


@dataclass(frozen=True)
class Sample:
    """One request: when it was due and when it was answered (s, monotonic); `error` is "" for a right answer."""

    due: float
    answered: float
    error: str


def arrivals(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """Seconds after the begin at which requests are due: a Poisson process, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    moment = chance.expovariate(rate)
    while moment < seconds:
        yield moment
        moment += chance.expovariate(rate)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of the ascending values that `percent` of them do not exceed; infinite when there are none."""
    if not ordered:
        return math.inf
    return ordered[max(0, math.ceil(len(ordered) * percent / 100 - 1e-9) - 1)]


@dataclass(frozen=True)
class Tally:
    """What counts of a window: right answers given in it, their latencies in ms ascending, errors by kind."""

    right: int
    latencies: list[float]
    errors: dict[str, int]


def tally(samples: Sequence[Sample], begin: float, end: float, open_loop: bool) -> Tally:
    """Throughput counts the right answers given between `begin` and `end`.

    Latencies and errors are those of the same answers in a closed loop. In an open loop they are those of the
    requests that were due in that time, however late they were answered: dropping the late ones would flatter.
    """
    given = [sample for sample in samples if begin <= sample.answered < end]
    judged = [sample for sample in samples if begin <= sample.due < end] if open_loop else given
    errors: dict[str, int] = {}
    for sample in judged:
        if sample.error:
            errors[sample.error] = errors.get(sample.error, 0) + 1
    return Tally(
        right=sum(not sample.error for sample in given),
        latencies=sorted(round((sample.answered - sample.due) * 1000, 3) for sample in judged if not sample.error),
        errors=errors,
    )
