"""What is exported: the network with its arithmetic around it, so that a server only decodes and crops."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.model.source.preprocessing import Preprocessing


class Servable(nn.Module):
    """uint8 RGB [N, 3, crop, crop] → probabilities float32 [N, classes], the network given normalised pictures of the
    type `inside` in the memory format `layout`."""

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Preprocessing,
        activation: nn.Module,
        inside: torch.dtype = torch.float32,
        layout: torch.memory_format = torch.contiguous_format,
    ) -> None:
        super().__init__()
        self.network = network
        self.activation = activation
        self.inside, self.layout = inside, layout
        mean, std = (torch.tensor(row).reshape(1, -1, 1, 1) for row in (preprocessing.mean, preprocessing.std))
        self.planes = preprocessing.planes
        self.register_buffer("scale", 1 / (255 * std))
        self.register_buffer("shift", -mean / std)
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        # One pass over the pixels where (x / 255 - mean) / std takes three.
        normalised = torch.addcmul(self.shift, self.planes(pictures.to(torch.float32)), self.scale)
        logits: Tensor = self.network(normalised.to(self.inside).contiguous(memory_format=self.layout))
        probabilities: Tensor = self.activation(logits.to(torch.float32))
        return probabilities


def example(size: int, crop: int) -> Tensor:
    """Made-up pictures, the same at each call: uint8 [size, 3, crop, crop]."""
    generator = torch.Generator().manual_seed(crop)
    return torch.randint(0, 256, (size, 3, crop, crop), dtype=torch.uint8, generator=generator)
