"""Requests, pods and an autoscaler, event by event."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.autoscaling.autoscaler import SYNC_SECONDS, Autoscaler

WINDOW_SECONDS = 60  # of the rate that is the metric
SLO_SECONDS = 1.0
Rate = Callable[[float], float]  # requests a second, at a time


@dataclass(frozen=True)
class Pods:
    """`capacity`: how many requests the gateway lets in at a time; `start_seconds`: until a new one is ready."""

    workers: int
    capacity: int
    start_seconds: float
    least: int
    most: int


@dataclass
class Result:
    """`replicas`: (seconds, pods) at each look of the autoscaler; `busy`: worker-seconds that the answers took."""

    requests: int = 0
    refused: int = 0
    late: int = 0
    pod_seconds: float = 0.0
    busy: float = 0.0
    replicas: list[tuple[float, int]] = field(default_factory=list)

    @property
    def missed(self) -> float:
        return (self.refused + self.late) / max(self.requests, 1)


class _Pod:
    def __init__(self, ready_at: float, workers: int) -> None:
        self.ready_at, self.free, self.inside = ready_at, [0.0] * workers, list[float]()

    def take(self, at: float, seconds: float, capacity: int) -> float | None:
        """When a request is answered that comes now; None for one that is told to come again."""
        while self.inside and self.inside[0] <= at:
            heapq.heappop(self.inside)
        if len(self.inside) >= capacity:
            return None
        done = max(at, heapq.heappop(self.free)) + seconds
        heapq.heappush(self.free, done)
        heapq.heappush(self.inside, done)
        return done


def simulate(
    rate: Rate, peak: float, duration: float, times: Sequence[float], pods: Pods, target: float, seed: int
) -> Result:
    """`times`: what one request takes of a worker, in s, drawn at random. `target`: of the requests in flight, on
    average over pods; as many as rate(gateway_request_seconds_sum[1m]) says, one scrape late."""
    chance, result = random.Random(seed), Result()  # noqa: S311 (repeatable, and no secret)
    scaler = Autoscaler(target, pods.least, pods.most)
    there = [_Pod(0.0, pods.workers) for _ in range(_at_first(rate(0), times, pods))]
    spent: dict[int, float] = defaultdict(float)  # seconds of answers, by when they were given
    looked = 0
    for at in _arrivals(rate, peak, duration, chance):
        while at >= (looked + 1) * SYNC_SECONDS:
            looked += 1
            there = _scaled(there, looked, spent, scaler, pods)
            result.replicas.append((looked * SYNC_SECONDS, len(there)))
            result.pod_seconds += len(there) * SYNC_SECONDS
        result.requests += 1
        ready = bisect_left(there, at, key=lambda pod: pod.ready_at)
        seconds = chance.choice(times)
        done = there[chance.randrange(ready)].take(at, seconds, pods.capacity)
        if done is None:
            result.refused += 1
            continue
        result.busy += seconds
        result.late += done - at > SLO_SECONDS
        spent[int(done // SYNC_SECONDS)] += done - at
    return result


def _at_first(rate: float, times: Sequence[float], pods: Pods) -> int:
    """Busy for six tenths of their time."""
    enough = int(rate * sum(times) / len(times) / pods.workers / 0.6) + 1
    return min(max(enough, pods.least), pods.most)


def _arrivals(rate: Rate, peak: float, duration: float, chance: random.Random) -> Iterator[float]:
    """A Poisson process whose rate changes, by thinning one at the peak's."""
    at = chance.expovariate(peak)
    while at < duration:
        if chance.random() * peak < rate(at):
            yield at
        at += chance.expovariate(peak)


def _scaled(there: list[_Pod], looked: int, spent: dict[int, float], scaler: Autoscaler, pods: Pods) -> list[_Pod]:
    now = looked * SYNC_SECONDS
    if now < WINDOW_SECONDS + 2 * SYNC_SECONDS:
        return there  # there is no rate yet
    ready = sum(pod.ready_at <= now for pod in there)
    seen = sum(spent[looked - 2 - step] for step in range(WINDOW_SECONDS // SYNC_SECONDS))
    wanted = scaler.replicas(len(there), ready, seen / WINDOW_SECONDS / ready)
    if wanted < len(there):
        return there[:wanted]  # the youngest go, what they have they answer
    return there + [_Pod(now + pods.start_seconds, pods.workers) for _ in range(wanted - len(there))]
