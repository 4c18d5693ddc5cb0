"""What is exported: the network, with what an app would otherwise have to do around it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.mobile.formats.variants import PIXELS, Variant
from kit.model.source.preprocessing import Preprocessing


class FromFloats(nn.Module):
    """Normalised float32 [1, 3, crop, crop] → probabilities float32 [1, classes]."""

    def __init__(self, network: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.activation = activation

    def forward(self, floats: Tensor) -> Tensor:
        probabilities: Tensor = self.activation(self.network(floats))
        return probabilities


class FromPixels(FromFloats):
    """uint8 [1, crop, crop, 3], as a bitmap's rows lie in memory → probabilities float32 [1, classes]."""

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, activation: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__(network, activation)
        mean, std = (torch.tensor(row).reshape(1, 3, 1, 1) for row in (preprocessing.mean, preprocessing.std))
        self.register_buffer("scale", 1 / (255 * std))
        self.register_buffer("shift", -mean / std)

    def forward(self, pixels: Tensor) -> Tensor:
        planes = pixels.permute(0, 3, 1, 2).to(torch.float32)
        return super().forward(planes * self.scale + self.shift)


def wrap(network: nn.Module, activation: nn.Module, preprocessing: Preprocessing, variant: Variant) -> nn.Module:
    return FromPixels(network, activation, preprocessing) if variant is PIXELS else FromFloats(network, activation)
