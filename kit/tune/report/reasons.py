"""Why each value of a candidate was chosen, from what was measured beside it."""

from __future__ import annotations

from collections.abc import Callable

from common.words import count
from kit.tune.search.candidate import Candidate, Result
from kit.tune.search.hill_climb import Search
from kit.tune.search.objective import Goal

AXES: dict[str, Callable[[Candidate], object]] = {
    "precision": lambda candidate: candidate.precision,
    "layout": lambda candidate: (candidate.workers, candidate.threads),
    "batching": lambda candidate: (candidate.batch, candidate.delay),
}


def reasons(search: Search, chosen: Candidate) -> dict[str, str]:
    """By the names of a candidate's values."""
    space = search.space
    if space.gpus:
        workers = f"{count(space.gpus, 'GPU')} × {count(max(1, chosen.workers // space.gpus), 'instance')}"
    elif chosen.workers * chosen.threads == space.cores:
        workers = f"{count(space.cores, 'core')} ÷ {count(chosen.threads, 'thread')}"
    else:
        workers = f"{chosen.workers * chosen.threads} of {count(space.cores, 'core')}"
    batching = evidence(search, chosen, "batching")
    return {
        "precision": evidence(search, chosen, "precision"),
        "workers": workers,
        "threads": evidence(search, chosen, "layout"),
        "batch": batching,
        "delay": "ms; see batchSize",
    }


def evidence(search: Search, chosen: Candidate, axis: str) -> str:
    """How the best of the candidates that differ from the chosen one only on an axis came out."""
    others = {name: value for name, value in AXES.items() if name != axis}
    beside = [
        result
        for result in search.results.values()
        if result.candidate != chosen and all(of(result.candidate) == of(chosen) for of in others.values())
    ]
    if not beside:
        return "nothing else was measured with the other values as they are"
    best = min(beside, key=lambda result: (search.goal.score(result), result.candidate))
    return f"{words(best.candidate, axis)} {comparison(search.results[chosen], best, search.goal, search.noise)}"


def words(candidate: Candidate, axis: str) -> str:
    if axis == "precision":
        return candidate.precision
    if axis == "layout":
        return f"{count(candidate.workers, 'worker')} × {count(candidate.threads, 'thread')}"
    return f"batch {candidate.batch} in {candidate.delay} ms" if candidate.batch > 1 else "no batching"


def comparison(chosen: Result, other: Result, goal: Goal, noise: float) -> str:
    """`gave 87.2 images/s, 25 % less`, or why it cannot be taken."""
    if other.failure:
        return f"failed: {other.failure}"
    better, missed = goal.score(chosen), goal.misses(other)
    if missed and better.feasible:
        return f"did not meet the limits: {misses(other, goal)}"
    gain = better.gain_over(goal.score(other))
    if abs(gain) <= noise:
        return f"gave {goal.figure(other)}, the same within the noise of {noise:.0%}"
    if goal.objective == "throughput":
        gain = 1 - other.throughput / chosen.throughput
        return f"gave {goal.figure(other)}, {abs(gain):.0%} {'less' if gain > 0 else 'more'}"
    return f"gave {goal.figure(other)}, {abs(gain):.0%} {'more' if gain > 0 else 'less'}"


def misses(result: Result, goal: Goal) -> str:
    """`p99 132 ms, the limit is 100 ms`; "" when every limit is kept."""
    said = {
        "p99": f"p99 {result.p99:.0f} ms, the limit is {goal.p99_limit:g} ms" if goal.p99_limit else "",
        "memory": f"{result.memory / (1 << 20):.0f} MB, the limit is {(goal.memory_limit or 0) / (1 << 20):.0f} MB",
        "failed requests": f"{result.error_share:.1%} of the requests failed",
    }
    return ", ".join(said[limit] for limit in goal.misses(result))
