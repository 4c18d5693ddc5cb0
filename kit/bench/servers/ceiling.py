"""The ceiling: the same handler on the same pictures in plain single-thread processes, one per core, and no server.

What a server reaches of it says what HTTP, Java, queues and sockets cost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.errors import KitError
from kit.build import PROJECT

MOMENT = 0.05  # s, for the processes to read when they begin


@dataclass(frozen=True)
class Ceiling:
    """Loaded processes that wait to be asked; while they wait they use no processor."""

    processes: Sequence[subprocess.Popen[str]]

    def measure(self, seconds: float, warm_up: float) -> float:
        """Pictures a second, all processes together. Raises KitError when one of them ends."""
        opens = time.monotonic() + MOMENT + warm_up
        for process in self.processes:
            assert process.stdin
            process.stdin.write(json.dumps([opens, opens + seconds]) + "\n")
            process.stdin.flush()
        return sum(int(_line(process)) for process in self.processes) / seconds


@contextmanager
def ceiling(archive: Path, pictures: Sequence[Path], cores: int) -> Iterator[Ceiling]:
    """As many processes as `cores`, with `archive` (.mar) loaded."""
    with tempfile.TemporaryDirectory(prefix="vision-bench-") as folder:
        with zipfile.ZipFile(archive) as mar:
            mar.extractall(folder)
        processes = [_start(folder, pictures) for _ in range(cores)]
        try:
            for process in processes:
                _line(process)
            yield Ceiling(processes)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.communicate()


def _start(folder: str, pictures: Sequence[Path]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "kit.bench.servers.ceiling_worker"],
        cwd=PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(json.dumps({"folder": folder, "pictures": [str(path) for path in pictures]}) + "\n")
    process.stdin.flush()
    return process


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    if not (line := process.stdout.readline()):
        raise KitError("a process of the ceiling ended; see its output above")
    return line
