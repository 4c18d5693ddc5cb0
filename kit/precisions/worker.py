"""One process that answers made-up pictures with one model: `python -m kit.precisions.worker MODEL CROP [GPU]`.

Single-threaded, with the handler's own way of calling the model. Prints `null` when it is warm; then for each line
of JSON on stdin it answers one: `{"calls": n}` with the seconds each of n calls took, one picture a call;
`{"opens": t, "ends": t}` (monotonic clock) with how many pictures it finished between the two. Ends with its stdin.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import kit.handlers  # noqa: F401
import model_file
from model_file import Model


def main(path: str, crop: str, gpu: str = "") -> None:
    model = model_file.load(Path(path), int(gpu) if gpu else None)
    model.start(1, int(crop), 1)
    picture = np.random.default_rng(0).integers(0, 256, (1, int(crop), int(crop), 3), np.uint8)
    print("null", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(model, picture, json.loads(line))), flush=True)


def answer(model: Model, picture: Any, asked: dict[str, Any]) -> Any:
    if "calls" in asked:
        return [_timed(model, picture) for _ in range(asked["calls"])]
    finished = 0
    while (now := time.monotonic()) < asked["ends"]:
        model.probabilities(picture)
        finished += now >= asked["opens"]
    return finished


def _timed(model: Model, picture: Any) -> float:
    began = time.perf_counter()
    model.probabilities(picture)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
