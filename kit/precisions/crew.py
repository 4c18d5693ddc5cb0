"""The processes that one model is measured in: as many as there are cores, or GPUs."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from common.errors import KitError
from kit.build import PROJECT

LATENCY_CALLS = 30
OPENS_AFTER = 0.3  # seconds, for all to be at work
MEASURED = 2.0  # seconds


class Crew:
    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self.processes = processes

    def latency(self) -> float:
        """Milliseconds for one picture in one process while the others rest: the median of some calls."""
        first = self.processes[0]
        _ask(first, {"calls": LATENCY_CALLS})
        return 1000 * float(statistics.median(_answer(first)))

    def images_per_second(self) -> float:
        """All processes at work at once."""
        opens = time.monotonic() + OPENS_AFTER
        for process in self.processes:
            _ask(process, {"opens": opens, "ends": opens + MEASURED})
        return float(sum(_answer(process) for process in self.processes) / MEASURED)

    def memory(self) -> float:
        """Bytes a process: the mean proportional share (PSS), so what the processes share counts once."""
        shares = [psutil.Process(process.pid).memory_full_info().pss for process in self.processes]
        return float(statistics.mean(shares))


@contextmanager
def crew(model: Path, crop: int, size: int, gpus: int) -> Iterator[Crew]:
    """`size` processes that have loaded the model and are warm; on the GPUs in turn if there are any."""
    command = [sys.executable, "-m", "kit.precisions.worker", str(model), str(crop)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with ExitStack() as stack:
        processes = []
        for index in range(size):
            process = subprocess.Popen(
                [*command, str(index % gpus)] if gpus else command,
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        for process in processes:
            _answer(process)
        yield Crew(processes)


def _ask(process: subprocess.Popen[str], asked: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()


def _answer(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise KitError("a measuring process has ended; see its output above", "make doctor")
    return json.loads(line)
