"""What is traced: the network with its arithmetic around it, so that a server only decodes and crops."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from kit.model.preprocessing import Preprocessing


class Servable(nn.Module):
    """uint8 RGB [N, 3, crop, crop] → probabilities float32 [N, classes], inside in the precision asked for.

    Half precision runs channels-last: that is the layout of a GPU's tensor cores, and on a CPU, where it is only
    checked, six times faster than the other.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing, precision: str) -> None:
        super().__init__()
        self.half_precision = precision == "fp16"
        self.network = network
        if self.half_precision:
            self.network = copy.deepcopy(network).half().to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(preprocessing.mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(preprocessing.std).reshape(1, 3, 1, 1))
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        normalised = (pictures.to(torch.float32).div(255) - self.mean) / self.std
        if self.half_precision:
            normalised = normalised.half().contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.network(normalised)
        return logits.to(torch.float32).softmax(dim=1)


def example(size: int, crop: int) -> Tensor:
    """Made-up pictures, the same at each call: uint8 [size, 3, crop, crop]."""
    generator = torch.Generator().manual_seed(crop)
    return torch.randint(0, 256, (size, 3, crop, crop), dtype=torch.uint8, generator=generator)
