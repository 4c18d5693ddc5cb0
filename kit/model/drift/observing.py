"""Each validation picture in the bins that a server counts in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import kit.handlers  # noqa: F401
import measures
import picture_statistics
from common.watch import drift

BOUNDS = {one["key"]: one["bounds"] for one in measures.declared([]) if "bounds" in one}
PICTURE_KEYS = ("brightness", "saturation", "warmth", "sharpness")
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Column:
    """The bin of each picture, [pictures]: one of `bins`. Several columns of one `key` are its outputs' groups."""

    key: str
    kind: str
    indices: Indices
    bins: int


def observe(
    crops: Iterable[npt.NDArray[np.uint8]], probabilities: npt.NDArray[np.float32], labels: Sequence[str]
) -> list[Column]:
    """`crops`: RGB [crop, crop, 3] of each picture, and what the model answers, [pictures, classes]."""
    places = np.array(measures.places(list(labels)))
    columns = [
        _binned("confidence", probabilities.max(axis=1)),
        _binned("entropy", [measures.entropy(row) for row in probabilities]),
    ]
    looks: Mapping[str, list[float]] = {key: [] for key in PICTURE_KEYS}
    for crop in crops:
        for key, value in picture_statistics.of(crop).items():
            looks[key].append(value)
    columns += [_binned(key, values) for key, values in looks.items()]
    count = len(measures.distinct(list(labels)))
    columns.append(Column("label", drift.PSI, places[probabilities.argmax(axis=1)], count))
    groups = np.add.reduceat(probabilities, measures.groups(len(labels)), axis=1)
    levels = np.searchsorted(drift.LEVELS, groups, side="left")
    return columns + [Column("outputs", drift.OUTPUTS, column, len(drift.LEVELS) + 1) for column in levels.T]


def _binned(key: str, values: Sequence[float] | npt.NDArray[np.float32]) -> Column:
    bounds = BOUNDS[key]
    return Column(key, drift.KS, np.searchsorted(bounds, values, side="left"), len(bounds) + 1)
