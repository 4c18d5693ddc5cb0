"""What there is to choose from on a machine, and which choices lie beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from kit.machine import Machine
from kit.serving.preflight import SHARED_BYTES, WORKER_BYTES
from kit.tune.search.candidate import Candidate

CPU_BATCHES = (1, 2, 4, 8)
GPU_BATCHES = (1, 4, 8, 16, 32, 64)
# Milliseconds. TorchServe takes whole ones, and reads 0 as 100.
DELAYS = (1, 2, 5, 10)
# Workers that share a GPU: each holds a copy of the network and a CUDA context of some 500 MB.
GPU_INSTANCES = (1, 2, 3, 4)


@dataclass(frozen=True)
class Space:
    """Every axis in rising order. `layouts` are the (workers, threads) that fit the machine; `gpus` is 0 without."""

    precisions: tuple[str, ...]
    layouts: tuple[tuple[int, int], ...]
    batches: tuple[int, ...]
    delays: tuple[int, ...]
    default: Candidate
    cores: int
    gpus: int

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The full grid, each once: with batch 1 there is no delay to choose."""
        batching = [(batch, delay) for batch in self.batches for delay in (self.delays if batch > 1 else (0,))]
        return [
            Candidate(precision, workers, threads, batch, delay)
            for precision in self.precisions
            for workers, threads in self.layouts
            for batch, delay in batching
        ]

    def axis(self, name: str, at: Candidate) -> Iterator[list[Candidate]]:
        """The ways to go from a candidate along an axis: each a list that gets farther with every entry."""
        if name == "precision":
            for precision in self.precisions:
                if precision != at.precision:
                    yield [replace(at, precision=precision)]
        elif name == "layout":
            yield from self._layouts_from(at)
        elif name == "batch":
            shortest = self.delays[0]
            here = self.batches.index(at.batch)
            yield [at.with_batch(batch, at.delay or shortest) for batch in self.batches[here + 1 :]]
            yield [at.with_batch(batch, at.delay) for batch in reversed(self.batches[:here])]
        elif at.batch > 1:
            here = self.delays.index(at.delay)
            yield [replace(at, delay=delay) for delay in self.delays[here + 1 :]]
            yield [replace(at, delay=delay) for delay in reversed(self.delays[:here])]

    def _layouts_from(self, at: Candidate) -> Iterator[list[Candidate]]:
        """More or fewer workers, more or fewer threads, and the one traded for the other."""
        workers = sorted({layout[0] for layout in self.layouts})
        threads = sorted({layout[1] for layout in self.layouts})
        row, column = workers.index(at.workers), threads.index(at.threads)
        for down, across in ((1, 0), (0, 1), (1, -1), (-1, 1), (-1, 0), (0, -1)):
            way = []
            step = 1
            while 0 <= row + step * down < len(workers) and 0 <= column + step * across < len(threads):
                layout = workers[row + step * down], threads[column + step * across]
                if layout in self.layouts:
                    way.append(replace(at, workers=layout[0], threads=layout[1]))
                step += 1
            yield way


AXES = ("precision", "layout", "batch", "delay")


def space(machine: Machine, gpus: int, precisions: tuple[str, ...], default: Candidate) -> Space:
    """The choices for a machine, the profile's default among them whatever it is. `gpus` are those it serves with."""
    batches = GPU_BATCHES if gpus else CPU_BATCHES
    return Space(
        precisions=tuple(dict.fromkeys((default.precision, *precisions))),
        layouts=tuple(sorted({*layouts(machine, gpus), (default.workers, default.threads)})),
        batches=tuple(sorted({*batches, default.batch})),
        delays=tuple(sorted({*DELAYS, default.delay} - {0})),
        default=default,
        cores=machine.cores,
        gpus=gpus,
    )


def layouts(machine: Machine, gpus: int) -> list[tuple[int, int]]:
    """(workers, threads). On a processor never more threads than cores: workers that fight for them slow each other.
    On GPUs as many workers on each, and threads only decode. Never more workers than memory holds."""
    most = max(1, (machine.memory_total - SHARED_BYTES) // WORKER_BYTES)
    if gpus:
        counts = [gpus * instances for instances in GPU_INSTANCES if gpus * instances <= most]
        return [(workers, threads) for workers in counts for threads in {1, max(1, machine.cores // workers)}]
    sizes = _sizes(machine.cores)
    return [
        (workers, threads)
        for workers in sizes
        for threads in sizes
        if workers * threads <= machine.cores
        if workers <= most
    ]


def _sizes(cores: int) -> list[int]:
    """Powers of two, and whatever divides the cores evenly: 6 cores are 1, 2, 3, 4 or 6."""
    return [size for size in range(1, cores + 1) if cores % size == 0 or size & (size - 1) == 0]
