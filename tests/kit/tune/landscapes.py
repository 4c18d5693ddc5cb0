"""Grids whose figures are known, made up with a known best, to run a search on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kit.bench.measurement import Measurement
from kit.machine import Machine
from kit.tune.search.candidate import Candidate, Failure, Outcome, Result
from kit.tune.search.hill_climb import Search
from kit.tune.search.objective import Goal
from kit.tune.search.space import Space, space

PRECISIONS = ("fp32", "bf16", "int8")


def machine(cores: int = 2, gpus: tuple[str, ...] = ()) -> Machine:
    return Machine("x86_64", cores, 64 << 30, 60 << 30, gpus)


def measurement(throughput: float = 100.0, p99: float = 50.0, memory: float = 700, errors: int = 0) -> Measurement:
    """`memory` in MB."""
    return Measurement(
        requests=round(throughput * 1000),
        errors=errors,
        seconds=1000.0,
        p50=p99 * 0.6,
        p95=p99 * 0.9,
        p99=p99,
        p999=p99 * 1.2,
        memory=int(memory * (1 << 20)),
        cores=1.9,
        client_cores=0.02,
    )


@dataclass(frozen=True)
class Landscape:
    """`truth` is what each candidate gives without noise."""

    space: Space
    truth: Mapping[Candidate, Outcome]

    def result(self, candidate: Candidate) -> Result:
        return Result(candidate, (self.truth[candidate],))

    def best(self, goal: Goal) -> Result:
        return min(map(self.result, self.truth), key=goal.score)

    def quality(self, found: Candidate, goal: Goal) -> float:
        """What was found, as a share of the grid's best; 0 for one that misses limits which another keeps."""
        mine, best = goal.score(self.result(found)), goal.score(self.best(goal))
        if not best.feasible:
            return (1 + best.violation) / (1 + mine.violation)
        return best.cost / mine.cost if mine.feasible else 0.0


def explore(landscape: Landscape, goal: Goal, budget: int, noise: float = 0.0, seed: int = 0) -> Search:
    """A whole search. `noise` is the standard deviation of each throughput and latency, as a share."""
    search = Search(landscape.space, goal, budget)
    chance = random.Random(seed)  # noqa: S311 - noise, the same each time
    while trial := search.ask():
        outcome = landscape.truth[trial.candidate]
        if noise and isinstance(outcome, Measurement):
            factor = max(0.5, chance.gauss(1, noise))
            memory = outcome.memory / (1 << 20)
            outcome = measurement(outcome.throughput * factor, outcome.p99 / factor, memory)
        search.tell(outcome)
    return search


def made_up(seed: int, cores: int = 2, clients: int = 8, precisions: tuple[str, ...] = PRECISIONS) -> Landscape:
    """A server as queueing would have it, with costs drawn by `seed`: how quick each precision is, what a second
    thread or a batch saves and whether that depends on the precision (a ridge), what decoding and HTTP cost."""
    chance = random.Random(seed)  # noqa: S311 - the same landscape each time
    milliseconds = {"fp32": chance.uniform(28, 52), "bf16": chance.uniform(7, 35), "int8": chance.uniform(4, 15)}
    decoding, overhead = chance.uniform(3, 9), chance.uniform(0.5, 4)
    threading = {name: chance.uniform(0.2, 0.95) for name in milliseconds}
    batching = {name: chance.uniform(0.5, 1.05) for name in milliseconds}
    worker = chance.uniform(300, 420)
    model = {"fp32": 45.0, "bf16": 23.0, "int8": 12.0}

    def outcome(candidate: Candidate) -> Measurement:
        at_hand = clients / candidate.workers
        filled = max(1.0, min(candidate.batch, at_hand))
        inference = milliseconds[candidate.precision] / (1 + (candidate.threads - 1) * threading[candidate.precision])
        busy = inference * (1 + (filled - 1) * batching[candidate.precision]) + decoding * filled + overhead
        waiting = candidate.delay * (1.0 if at_hand < candidate.batch + 1 else 0.2)
        crowding = max(1.0, (candidate.workers * candidate.threads + 0.3) / cores)
        throughput = 1000 * min(candidate.workers, clients) * filled / ((busy + waiting) * crowding)
        p99 = clients / throughput * 1000 * (1.15 + 0.025 * candidate.batch) + candidate.delay
        memory = 170 + candidate.workers * (worker + model[candidate.precision] + 3 * candidate.batch)
        return measurement(throughput, p99, memory)

    choices = space(machine(cores), 0, precisions, Candidate("fp32", cores, 1, 1, 0))
    return Landscape(choices, {candidate: outcome(candidate) for candidate in choices.candidates})


def shaped(figure: Callable[[Candidate], Outcome], cores: int = 2) -> Landscape:
    choices = space(machine(cores), 0, PRECISIONS, Candidate("fp32", cores, 1, 1, 0))
    return Landscape(choices, {candidate: figure(candidate) for candidate in choices.candidates})


def goals(landscape: Landscape) -> list[Goal]:
    """Every objective, alone and with limits that few, some and many candidates keep."""
    seen = [landscape.result(candidate) for candidate in landscape.truth]
    p99 = sorted(result.p99 for result in seen if not result.failure)
    memory = sorted(result.memory for result in seen if not result.failure)
    made = [Goal("throughput"), Goal("latency"), Goal("memory")]
    for share in (0.05, 0.15, 0.4):
        limit = p99[int(share * len(p99))]
        made += [Goal("throughput", limit), Goal("memory", limit)]
    scarce = int(memory[len(memory) // 4])
    return [*made, Goal("throughput", None, scarce), Goal("latency", None, scarce), Goal("throughput", p99[0] / 2)]


def failing(reason: str = "out of memory") -> Failure:
    return Failure(reason)
