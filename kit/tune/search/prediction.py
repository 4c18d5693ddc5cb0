"""What an unmeasured candidate would probably come to, judged by the measured ones.

Every setting is taken to multiply throughput, p99 and memory by a factor of its own, wherever the others are. That
is wrong in detail and right in tendency: if int8 was three times as fast with two workers, one worker in int8
is likely to beat two in fp32, and that is enough to say where a look may pay.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kit.bench.measurement import Measurement
from kit.tune.search.candidate import Candidate, Result
from kit.tune.search.space import Space

# Pulls the factors that few measurements support towards 1 (ridge regression).
CAUTION = 0.1


def predict(space: Space, seen: Sequence[Result], wanted: Sequence[Candidate]) -> list[Result]:
    """One made-up result for each wanted candidate. `seen` are results of candidates that could be measured."""
    features = np.array([_features(space, result.candidate) for result in seen])
    figures = np.log([[result.throughput, result.p99, result.memory] for result in seen])
    middle = figures.mean(axis=0)
    square = features.T @ features + CAUTION * np.eye(features.shape[1])
    factors = np.linalg.solve(square, features.T @ (figures - middle))
    guesses = np.exp(np.array([_features(space, candidate) for candidate in wanted]) @ factors + middle)
    return [Result(candidate, (_as_measurement(*guess),)) for candidate, guess in zip(wanted, guesses, strict=True)]


def _features(space: Space, candidate: Candidate) -> npt.NDArray[np.float64]:
    """A column for each value of each axis, and one for the size of each that has a size."""
    workers = sorted({layout[0] for layout in space.layouts})
    threads = sorted({layout[1] for layout in space.layouts})
    columns = [np.array([1.0, *np.log2([candidate.workers, candidate.threads, candidate.batch, 1 + candidate.delay])])]
    for values, value in (
        (space.precisions, candidate.precision),
        (workers, candidate.workers),
        (threads, candidate.threads),
        (space.batches, candidate.batch),
        ((0, *space.delays), candidate.delay),
    ):
        columns.append(np.array([float(value == one) for one in values]))
    return np.concatenate(columns)


def _as_measurement(throughput: float, p99: float, memory: float) -> Measurement:
    return Measurement(
        requests=round(throughput * 1000),
        errors=0,
        seconds=1000.0,
        p50=float(p99),
        p95=float(p99),
        p99=float(p99),
        p999=float(p99),
        memory=int(memory),
        cores=0.0,
        client_cores=0.0,
    )
