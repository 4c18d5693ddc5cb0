"""What the workers of a model version have answered, and what their handler measured: counts in memory that they share
with their parent.

A worker has a row of its own, so nobody waits for a lock, and a row that a worker left behind counts on for the next
one. Who wants to know asks the parent (`common/server/worker_metrics.py`); no request is logged.
"""

from __future__ import annotations

import json
import mmap
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

# What is measured is plain data, since a handler imports nothing of the worker. Each has `key`, under which a value
# is recorded, the `name`, `help` and fixed `labels` that Prometheus knows it by, and one of
#     `bounds`              a histogram: upper ends of its buckets, the last one without
#     `label` and `values`  a counter for each value of that label, recorded by the value's place in the list; "" for
#                           the one value of a counter without labels
# One without a name is not told to Prometheus.
Measure = Mapping[str, Any]

# A picture takes 3 ms with AMX and some 150 on a small ARM box; what waits in a full queue takes seconds.
SECONDS = [0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075]
SECONDS += [0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0]
STAGE = "vision_stage_seconds"
STAGE_HELP = "Where the time of a request goes: queue, decode, network; handler and total hold the others."
FIRST_CODE, CODES = 100, [str(code) for code in range(100, 600)]  # HTTP's
OWN: list[Measure] = [
    {"key": "code", "name": "vision_requests_total", "help": "Requests answered, by HTTP status.", "label": "code"}
    | {"values": CODES},
    {"key": "probes", "name": "vision_probes_total", "help": "Golden pictures that watchers asked.", "label": "code"}
    | {"values": CODES},
    {"key": "queue", "name": STAGE, "help": STAGE_HELP, "labels": {"stage": "queue"}, "bounds": SECONDS},
    {"key": "handler", "name": STAGE, "help": STAGE_HELP, "labels": {"stage": "handler"}, "bounds": SECONDS},
    {"key": "total", "name": STAGE, "help": STAGE_HELP, "labels": {"stage": "total"}, "bounds": SECONDS},
    {"key": "batch", "name": "vision_batch_pictures", "help": "Requests that a worker got at once."}
    | {"bounds": [1, 2, 4, 8, 16, 32, 64]},
]
MICRO = 1_000_000  # sums are kept in millionths, as whole numbers
MOST_WORKERS = 1024


class Row:
    """A worker's own: nobody else writes to it."""

    def __init__(self, cells: memoryview, places: Mapping[str, tuple[int, Sequence[float]]]) -> None:
        self._cells, self._places = cells, places

    def observe(self, key: str, value: float) -> None:
        """Add a value that is not negative to a histogram."""
        first, bounds = self._places[key]
        self._cells[first] += int(value * MICRO)
        self._cells[first + 1 + bisect_left(bounds, value)] += 1

    def count(self, key: str, place: int) -> None:
        """Count the value at this place of a counter's list."""
        self._cells[self._places[key][0] + place] += 1

    def status(self, key: str, code: int) -> None:
        self.count(key, (code if FIRST_CODE <= code < FIRST_CODE + len(CODES) else 500) - FIRST_CODE)


class Metrics:
    """Made by the parent before it forks; pages that no worker has written to take no memory. `measures`: the
    handler's, beside the worker's own."""

    def __init__(self, measures: Sequence[Measure] = ()) -> None:
        self._measures = [*OWN, *measures]
        self._places: dict[str, tuple[int, Sequence[float]]] = {}
        self._width = 0
        for one in self._measures:
            self._places[one["key"]] = self._width, one.get("bounds", ())
            self._width += _width(one)
        self._cells = memoryview(mmap.mmap(-1, MOST_WORKERS * self._width * 8)).cast("Q")
        self._taken: set[int] = set()
        self._started = self._died = 0
        self._since = time.time()

    def take_row(self) -> int:
        """The number of a row that no worker has now; the last one is shared by all above MOST_WORKERS."""
        number = next((one for one in range(MOST_WORKERS) if one not in self._taken), MOST_WORKERS - 1)
        self._taken.add(number)
        self._started += 1
        return number

    def give_back(self, number: int, died: bool) -> None:
        """Its worker has ended; `died`: nobody wanted it to."""
        self._taken.discard(number)
        self._died += died

    def row(self, number: int) -> Row:
        return Row(self._cells[number * self._width : (number + 1) * self._width], self._places)

    def document(self, about: Mapping[str, str]) -> bytes:
        """JSON: `about` the model, and of each measure `counts`: of a histogram those of its buckets, each for the
        values above the bound before it, and the `sum` of all values; of a counter those that are not 0, by value."""
        used = range(min(self._started, MOST_WORKERS))
        total = [sum(self._cells[number * self._width + cell] for number in used) for cell in range(self._width)]
        document = {
            **about,
            "since": self._since,
            "workers": len(self._taken),
            "workers_started": self._started,
            "workers_died": self._died,
            "measures": [self._told(one, total) for one in self._measures],
        }
        return json.dumps(document).encode()

    def _told(self, one: Measure, total: Sequence[int]) -> dict[str, Any]:
        first = self._places[one["key"]][0]
        if "bounds" in one:
            counts = total[first + 1 : first + _width(one)]
            return {**one, "sum": total[first] / MICRO, "counts": counts}
        described = {name: one[name] for name in one if name != "values"}
        counted = zip(one["values"], total[first : first + _width(one)], strict=True)
        # Of the many values of a label those that were seen; a counter without one is told from the beginning.
        return {**described, "counts": {value: count for value, count in counted if count or not one["label"]}}


def _width(one: Measure) -> int:
    return len(one["bounds"]) + 2 if "bounds" in one else len(one["values"])
