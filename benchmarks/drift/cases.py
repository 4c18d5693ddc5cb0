"""What goes wrong in front of a camera, done to photographs; and the embedded model's answers to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageFilter

from common.watch import drift
from common.watch.drift import Window
from kit.model.drift.observing import Column
from kit.model.pictures import decoding
from kit.model.pictures.choosing import Picture
from kit.model.source.request import Request
from kit.model.source.resolving import Source, checked_on, resolve

Pixels = npt.NDArray[np.uint8]  # RGB [height, width, 3]
BATCH = 16
NOTHING = "nothing"


def _blurred(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(4)))


def _half_covered(pixels: Pixels) -> Pixels:
    covered = pixels.copy()
    covered[:, : covered.shape[1] // 2] = 0
    return covered


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    NOTHING: lambda pixels: pixels,
    "dark (a quarter of the light)": lambda pixels: pixels // 4,
    "blurred": _blurred,
    "colour channels swapped": lambda pixels: np.ascontiguousarray(pixels[:, :, ::-1]),
    "half covered": _half_covered,
}
FROZEN, UNSEEN = "frozen", "products never seen"


@dataclass(frozen=True)
class Photographs:
    """`crops` as a server cuts them, and the class of each by its place in `labels`."""

    source: Source
    crops: list[Pixels]
    classes: npt.NDArray[np.intp]

    @property
    def labels(self) -> Sequence[str]:
        return self.source.labels


def embedded() -> Photographs:
    """The embedded model and its validation pictures."""
    request = Request()
    source = resolve(request)
    pictures: list[Picture] = checked_on(request, source.labels).pictures
    crops = [
        np.ascontiguousarray(crop.permute(1, 2, 0).numpy())
        for batch in decoding.crops(pictures, source.preprocessing, BATCH)
        for crop in batch
    ]
    return Photographs(source, crops, np.array([source.labels.index(str(one.label)) for one in pictures]))


def logits(source: Source, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
    """[pictures, classes]"""
    found = []
    for start in range(0, len(crops), BATCH):
        batch = torch.stack([torch.from_numpy(crop.copy()).permute(2, 0, 1) for crop in crops[start : start + BATCH]])
        found.append(source.logits(source.preprocessing.normalised(batch)))
    return np.asarray(torch.cat(found).numpy(), np.float32)


def answers(scores: npt.NDArray[np.float32], classes: Any) -> npt.NDArray[np.float32]:
    """Of a network that knows only these classes, [pictures, classes]."""
    kept = scores[:, classes]
    shares = np.exp(kept - kept.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


def window(columns: Sequence[Column], chosen: Any) -> Window:
    """What a server counts of the chosen pictures, [pictures]."""
    bins: dict[str, Any] = {}
    for column in columns:
        counts = np.bincount(column.indices[chosen], minlength=column.bins).tolist()
        if column.kind == drift.OUTPUTS:
            bins.setdefault(column.key, []).append(counts)
        else:
            bins[column.key] = counts
    return Window(len(chosen), bins, 0)
