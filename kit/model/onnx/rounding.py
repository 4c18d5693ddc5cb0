"""int8's rounding, stood in for in float32, layer by layer: what each does to the answers can then be measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

STEPS = 255  # between the least and the largest of an activation
LARGEST_WEIGHT = 127  # in steps, the same above and below zero


@dataclass
class RoundedLayer:
    """A convolution or linear layer: `given` and `answered` are the least and the largest of its inputs and answers."""

    module: nn.Module
    given: tuple[float, float]
    answered: tuple[float, float]

    def error(self, given: Tensor, answer: Tensor) -> Tensor:
        """What rounding this layer alone adds to its answer."""
        own: Any = self.module
        weight = own.weight.data
        own.weight.data = rounded_weight(weight)
        found: Tensor = own.forward(rounded(given, self.given))
        own.weight.data = weight
        return rounded(found, self.answered) - answer


def watched(network: nn.Module, layers: Sequence[str], batches: Iterable[Tensor]) -> dict[str, RoundedLayer]:
    """The layers named, with the ranges that were seen as the network answered."""
    made: dict[str, RoundedLayer] = {}

    def see(name: str, module: nn.Module, given: Tensor, answer: Tensor) -> None:
        before = made.get(name) or RoundedLayer(module, (0.0, 0.0), (0.0, 0.0))
        made[name] = RoundedLayer(module, wider(before.given, given), wider(before.answered, answer))

    hooks = [
        network.get_submodule(name).register_forward_hook(
            lambda module, given, answer, name=name: see(name, module, given[0], answer)
        )
        for name in layers
    ]
    with torch.inference_mode():
        for batch in batches:
            network(batch)
    for hook in hooks:
        hook.remove()
    return made


def wider(limits: tuple[float, float], seen: Tensor) -> tuple[float, float]:
    return min(limits[0], float(seen.min())), max(limits[1], float(seen.max()))


def rounded(tensor: Tensor, limits: tuple[float, float]) -> Tensor:
    scale = max((limits[1] - limits[0]) / STEPS, torch.finfo(torch.float32).eps)
    return torch.fake_quantize_per_tensor_affine(tensor, scale, round(-limits[0] / scale), 0, STEPS)


def rounded_weight(weight: Tensor) -> Tensor:
    """With a scale for each output channel, its first dimension."""
    largest = weight.abs().flatten(1).amax(dim=1).clamp(min=torch.finfo(torch.float32).eps)
    zero = torch.zeros(len(largest), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(
        weight, largest / LARGEST_WEIGHT, zero, 0, -LARGEST_WEIGHT, LARGEST_WEIGHT
    )
