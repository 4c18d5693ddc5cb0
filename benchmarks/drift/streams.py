"""Photographs as traffic, in windows, watched as a server's are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.drift.cases import window
from common.watch.drift import Baseline, Detector, parse
from kit.model.drift import baseline
from kit.model.drift.observing import Column

BEFORE, AFTER = 3, 8  # windows of ordinary traffic, and of what went wrong
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Seen:
    """`delay`: pictures from the first that went wrong until it was seen, None when it was not; `words`: as what.
    `scores`: the largest of each window."""

    delay: int | None
    words: str
    scores: list[float]


def parsed(validation: Sequence[Column], labels: Sequence[str]) -> Baseline:
    """As an archive carries it."""
    return parse(baseline.document(validation, labels, baseline.DEFAULT))


def join(one: Sequence[Column], other: Sequence[Column]) -> list[Column]:
    """The pictures of both, one after the other."""
    return [
        Column(first.key, first.kind, np.concatenate([first.indices, second.indices]), first.bins)
        for first, second in zip(one, other, strict=True)
    ]


def goes_wrong(validation: Baseline, good: Sequence[Column], bad: Sequence[Column], seed: int) -> Seen:
    """Ordinary traffic out of `good`, and from somewhere within a window on only `bad`. A `bad` of one picture is that
    one again and again."""
    chance = np.random.default_rng(seed)
    both, size = join(good, bad), baseline.WINDOW
    ordinary, wrong = len(good[0].indices), len(bad[0].indices)
    begins = int(chance.integers(BEFORE * size, (BEFORE + 1) * size))
    stream = np.concatenate([chance.integers(0, ordinary, begins), ordinary + chance.integers(0, wrong, AFTER * size)])
    detector, scores = Detector(validation), []
    delay, words = None, ""
    for number, chosen in enumerate(_windows(stream, size), start=1):
        detector.judge(window(both, chosen))
        scores.append(max(detector.scores.values()))
        if detector.drifted and delay is None and number * size > begins:
            delay, words = number * size - begins, detector.words
    return Seen(delay, words, scores)


def false_alarms(validation: Baseline, good: Sequence[Column], windows: int, seed: int) -> int:
    """How often ordinary traffic is taken for drift."""
    chance, alarms = np.random.default_rng(seed), 0
    detector = Detector(validation)
    stream = chance.integers(0, len(good[0].indices), windows * baseline.WINDOW)
    for chosen in _windows(stream, baseline.WINDOW):
        alarms += detector.judge(window(good, chosen)) and bool(detector.drifted)
    return alarms


def _windows(stream: Indices, size: int) -> Iterator[Indices]:
    for start in range(0, len(stream) - size + 1, size):
        yield stream[start : start + size]
