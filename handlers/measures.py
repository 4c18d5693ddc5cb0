"""What is measured of requests and answers, beside what the worker measures itself: as worker/metrics.py takes it.

Bins are fixed, and few, whatever clients send; those of times come from photographs of 1 to 12 megapixels on
processors from a small ARM core to one with AMX.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import picture_statistics
from input_error import REASONS, InputError
from picture_decoder import Picture
from serving_context import Record

STAGE = "vision_stage_seconds"
STAGE_HELP = "Where the time of a request goes: queue, decode, network; handler and total hold the others."
SECONDS = [0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075]
SECONDS += [0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0]
SHARES = [round(0.05 * step, 2) for step in range(1, 20)]  # of one
WARMTHS = [round(0.2 + 0.03 * step, 2) for step in range(21)]
# Names of classes that are told apart: a model of 21,000 would be as many time series.
MOST_LABELS = 1000
# The network's outputs for the drift tests: classes in so many groups, of each the probabilities added up.
MOST_GROUPS = 48
LEVELS = [0.01, 0.03, 0.1, 0.3, 0.7]
OTHER = "(other)"


def declared(labels: list[str]) -> list[dict[str, Any]]:
    """Of a model with these classes."""
    return [
        _stage("decode"),
        _stage("network"),
        _counter("refused", "vision_refused_total", "Requests without a picture to answer.", "reason", list(REASONS)),
        _counter("label", "vision_answers_total", "Pictures by their first answer.", "label", distinct(labels)),
        _counter("repeated", "vision_repeated_pictures_total", "The same picture as just before.", "", ["all"]),
        _outputs(len(labels)),
        _bins("confidence", "vision_confidence", "Probability of the first answer.", SHARES),
        _bins("entropy", "vision_entropy", "Entropy of the answer: 0 certain, 1 all classes alike.", SHARES),
        _bins("brightness", "vision_picture_brightness", "Mean of red, green and blue, 0 to 1.", SHARES),
        _bins("saturation", "vision_picture_saturation", "Mean saturation, 0 grey to 1.", SHARES),
        _bins("warmth", "vision_picture_warmth", "Red against blue: 0 all blue, 0.5 neither, 1 all red.", WARMTHS),
        _bins(
            "sharpness",
            "vision_picture_sharpness",
            "Mean difference of neighbouring pixels, in 255ths.",
            [0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 60],
        ),
        _bins(
            "aspect",
            "vision_picture_aspect_ratio",
            "Width by height, upright.",
            [0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95, 1.05, 1.25, 1.4, 1.6, 1.9, 2.5, 4],
        ),
        _bins(
            "megapixels",
            "vision_picture_megapixels",
            "Size of the pictures as sent.",
            [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 12, 16, 24, 50],
        ),
    ]


def distinct(labels: list[str]) -> list[str]:
    """Each name once, in the order of the classes, and one for those beyond MOST_LABELS."""
    names = list(dict.fromkeys(labels))
    return names if len(names) <= MOST_LABELS else [*names[:MOST_LABELS], OTHER]


def places(labels: list[str]) -> list[int]:
    """The place of each class among the distinct names."""
    names = {name: place for place, name in enumerate(distinct(labels))}
    return [names.get(label, len(names) - 1) for label in labels]


def groups(classes: int) -> list[int]:
    """The first class of each group."""
    count = min(classes, MOST_GROUPS)
    return [-(-group * classes // count) for group in range(count)]


def levels(probabilities: npt.NDArray[np.float32], first: list[int]) -> list[int]:
    """Where the groups of [classes] that are above the lowest level are counted: `group * len(LEVELS) + level`."""
    level = np.searchsorted(LEVELS, np.add.reduceat(probabilities, first), side="left") - 1
    (above,) = np.nonzero(level >= 0)
    found: list[int] = (above * len(LEVELS) + level[above]).tolist()
    return found


class Measures:
    """What a worker measures of the requests for a model with these classes. `record` is None where nothing is to be:
    for a watcher's own requests, and in TorchServe's own worker."""

    def __init__(self, labels: list[str]) -> None:
        self._places, self._first, self._last = places(labels), groups(len(labels)), -1

    def refused(self, record: Record | None, error: InputError) -> None:
        if record:
            record.count("refused", REASONS.index(error.reason))

    def picture(self, record: Record | None, shown: Picture, seconds: float) -> None:
        """One that was decoded within `seconds`."""
        if not record:
            return
        record.observe("decode", seconds)
        for key, value in picture_statistics.of(shown.pixels).items():
            record.observe(key, value)
        record.observe("aspect", shown.width / shown.height)
        record.observe("megapixels", shown.width * shown.height / 1e6)
        before, self._last = self._last, picture_statistics.fingerprint(shown.pixels)
        if before == self._last:
            record.count("repeated", 0)

    def answer(self, record: Record, probabilities: npt.NDArray[np.float32], seconds: float) -> None:
        """One picture's, [classes], all finite, after `seconds` in the network."""
        record.observe("network", seconds)
        best = int(probabilities.argmax())
        record.count("label", self._places[best])
        record.observe("confidence", max(float(probabilities[best]), 0.0))
        record.observe("entropy", entropy(probabilities))
        for level in levels(probabilities, self._first):
            record.count("outputs", level)


def entropy(probabilities: npt.NDArray[np.float32]) -> float:
    """Of [classes], by its most: 0 to 1. Outputs that are no probabilities (of a network that rates each class alone)
    are taken by their shares."""
    positive = probabilities[probabilities > 0]
    total = float(positive.sum())
    if len(probabilities) < 2 or not total:
        return 0.0
    shares = positive / total
    return max(0.0, float(-(shares * np.log(shares)).sum() / np.log(len(probabilities))))


def about(folder: Path) -> dict[str, str]:
    """The model in words: what it is made of, by the archive's provenance.json."""
    try:
        told = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        return {key: str(told[key]) for key in ("architecture", "precision", "runtime")}
    except (OSError, ValueError, KeyError, TypeError):  # an archive of somebody's own
        return {}


def _outputs(classes: int) -> dict[str, Any]:
    """Only for the drift tests of who watches the server: as time series they would be hundreds."""
    values = [f"{group}>{level:g}" for group in range(len(groups(classes))) for level in LEVELS]
    return _counter("outputs", "", "", "level", values)


def _stage(name: str) -> dict[str, Any]:
    return _bins(name, STAGE, STAGE_HELP, SECONDS) | {"labels": {"stage": name}}


def _bins(key: str, name: str, text: str, bounds: list[float]) -> dict[str, Any]:
    return {"key": key, "name": name, "help": text, "bounds": bounds}


def _counter(key: str, name: str, text: str, label: str, values: list[str]) -> dict[str, Any]:
    return {"key": key, "name": name, "help": text, "label": label, "values": values}
