"""What is traced: the network with its arithmetic around it, so that a server only decodes and crops."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from kit.model.precision.folding import folded
from kit.model.source.preprocessing import Preprocessing

INSIDE = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "int8": torch.float32}


class Servable(nn.Module):
    """uint8 RGB [N, 3, crop, crop] → probabilities float32 [N, classes], inside in the precision asked for.

    All of it is channels-last, as pictures come out of a decoder: ResNet18 in fp32 is a tenth faster so on a
    processor, in bf16 a third, and it is the layout of a GPU's tensor cores. An int8 network comes quantized
    already: it takes float32 and begins by quantizing it.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing, precision: str, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation
        self.inside = INSIDE[precision]
        self.network = network
        if precision != "int8":
            # Tracing in fp32 folds batch norms by itself.
            seen = preprocessing.normalised(example(1, preprocessing.crop))
            own = copy.deepcopy(network) if precision == "fp32" else folded(network, seen)
            self.network = own.to(self.inside).to(memory_format=torch.channels_last)
        mean, std = (torch.tensor(row).reshape(1, -1, 1, 1) for row in (preprocessing.mean, preprocessing.std))
        self.planes = preprocessing.planes
        self.register_buffer("scale", 1 / (255 * std))
        self.register_buffer("shift", -mean / std)
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        # One pass over the pixels where (x / 255 - mean) / std takes three.
        normalised = torch.addcmul(self.shift, self.planes(pictures.to(torch.float32)), self.scale)
        normalised = normalised.to(self.inside).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.network(normalised)
        probabilities: Tensor = self.activation(logits.to(torch.float32))
        return probabilities


def example(size: int, crop: int) -> Tensor:
    """Made-up pictures, the same at each call: uint8 [size, 3, crop, crop]."""
    generator = torch.Generator().manual_seed(crop)
    return torch.randint(0, 256, (size, 3, crop, crop), dtype=torch.uint8, generator=generator)
