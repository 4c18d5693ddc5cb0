"""The two kinds of input a phone's model is made with: pixels that cannot be got wrong, and floats."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kit.model.source.preprocessing import Preprocessing

OUTPUT_NAME = "probabilities"


@dataclass(frozen=True)
class Variant:
    """`dtype` is "uint8" or "float32". The shapes of the two differ, so a runtime refuses the one for the other."""

    name: str
    dtype: str
    meaning: str

    def shape(self, crop: int) -> tuple[int, int, int, int]:
        return (1, crop, crop, 3) if self.dtype == "uint8" else (1, 3, crop, crop)

    def example(self, crop: int) -> Tensor:
        return torch.zeros(self.shape(crop), dtype=getattr(torch, self.dtype))

    def input(self, crop: Tensor, preprocessing: Preprocessing) -> Tensor:
        """A crop, uint8 [3, crop, crop], as this model takes it."""
        if self.dtype == "uint8":
            return crop.permute(1, 2, 0).unsqueeze(0).contiguous()
        return preprocessing.normalised(crop.unsqueeze(0))


PIXELS = Variant("pixels", "uint8", "red, green, blue of each pixel, 0 to 255, row by row; normalised inside the model")
FLOATS = Variant("floats", "float32", "red, green, blue planes, each value (x / 255 - mean) / std")
VARIANTS = (PIXELS, FLOATS)
