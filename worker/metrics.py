"""What the workers of a model version have answered: counters in memory that they share with their parent.

A worker has a row of its own, so nobody waits for a lock, and a row that a worker left behind counts on for the next
one. Who wants to know asks the parent (`common/server/worker_metrics.py`); no request is logged.
"""

from __future__ import annotations

import json
import mmap
import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

CODES = range(100, 600)  # HTTP's
# Upper ends of the buckets, the last one without; a picture takes 3 ms on AMX and some 150 on a small ARM box.
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
REQUESTS = (1, 2, 4, 8, 16, 32, 64)
NANOSECONDS = len(CODES)
FIRST_SECONDS = NANOSECONDS + 1
FIRST_REQUESTS = FIRST_SECONDS + len(SECONDS) + 1
WIDTH = FIRST_REQUESTS + len(REQUESTS) + 1  # unsigned 64-bit integers
MOST_WORKERS = 1024


class Row:
    """A worker's own: nobody else writes to it."""

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells

    def count(self, codes: Sequence[int], nanoseconds: int) -> None:
        """A batch that was answered with `codes`, a request each, after so long in the handler."""
        cells = self._cells
        for code in codes:
            cells[(code if code in CODES else 500) - CODES.start] += 1
        cells[NANOSECONDS] += nanoseconds
        cells[FIRST_SECONDS + bisect_left(SECONDS, nanoseconds / 1e9)] += 1
        cells[FIRST_REQUESTS + bisect_left(REQUESTS, len(codes))] += 1


class Metrics:
    """Made by the parent before it forks; pages that no worker has written to take no memory."""

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, MOST_WORKERS * WIDTH * 8)).cast("Q")
        self._taken: set[int] = set()
        self._started = 0
        self._since = time.time()

    def take_row(self) -> int:
        """The number of a row that no worker has now; the last one is shared by all above MOST_WORKERS."""
        number = next((one for one in range(MOST_WORKERS) if one not in self._taken), MOST_WORKERS - 1)
        self._taken.add(number)
        self._started += 1
        return number

    def give_back(self, number: int) -> None:
        self._taken.discard(number)

    def row(self, number: int) -> Row:
        return Row(self._cells[number * WIDTH : (number + 1) * WIDTH])

    def document(self, model: str, version: str) -> bytes:
        """JSON: `answers` by HTTP status; `batches` by seconds in the handler and by how many requests they held, each
        count for the values up to `up_to` and above the one before it, null for what is above all."""
        used = range(min(self._started, MOST_WORKERS))
        total = [sum(self._cells[number * WIDTH + cell] for number in used) for cell in range(WIDTH)]
        document: dict[str, Any] = {
            "model": model,
            "version": version,
            "since": self._since,
            "workers": len(self._taken),
            "workers_started": self._started,
            "answers": {str(code): count for code, count in zip(CODES, total, strict=False) if count},
            "handler_seconds": total[NANOSECONDS] / 1e9,
            "batches_by_seconds": _buckets(SECONDS, total[FIRST_SECONDS:FIRST_REQUESTS]),
            "batches_by_requests": _buckets(REQUESTS, total[FIRST_REQUESTS:]),
        }
        return json.dumps(document).encode()


def _buckets(ends: Sequence[float], counts: Sequence[int]) -> list[dict[str, float | None]]:
    return [{"up_to": end, "count": count} for end, count in zip([*ends, None], counts, strict=True)]
