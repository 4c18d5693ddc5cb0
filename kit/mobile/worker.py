"""One process that opens files for phones as an app would, and times them: `python -m kit.mobile.worker REPEATS`.

On stdin a JSON list of {"file", "precision", "shape", "dtype"}; on stdout a list of lists, milliseconds a picture,
the median of some calls in each repeat. The files take turns, so that what disturbs the machine disturbs all.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kit.mobile.formats import runtimes

CALLS = 10
WARM_UP = 3


def main(repeats: int) -> None:
    torch.set_num_threads(1)
    opened = [open_file(asked) for asked in json.load(sys.stdin)]
    for run, picture in opened:
        for _ in range(WARM_UP):
            run(picture)
    rounds = [[timed(run, picture) for run, picture in opened] for _ in range(repeats)]
    print(json.dumps([list(row) for row in zip(*rounds, strict=True)]))


def open_file(asked: dict[str, Any]) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    loaded = runtimes.load(Path(asked["file"]), asked["precision"], threads=1)
    generator = torch.Generator().manual_seed(0)
    picture = torch.randint(0, 256, asked["shape"], generator=generator).to(getattr(torch, asked["dtype"]))
    return loaded.run, picture if asked["dtype"] == "uint8" else picture / 128 - 1


def timed(run: Callable[[Tensor], Tensor], picture: Tensor) -> float:
    taken = []
    with torch.inference_mode():
        for _ in range(CALLS):
            began = time.perf_counter()
            run(picture)
            taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


if __name__ == "__main__":
    main(int(sys.argv[1]))
