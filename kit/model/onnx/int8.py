"""int8 for ONNX Runtime: the first recipe on a ladder whose graph passes the gate.

Up the ladder, each is a little slower than the one before:

1. whole ranges, everything in int8 but the last layer: its answers, rounded to eight bits, would tie classes;
2. the same with ranges that leave outliers out;
3. what lies between layers in float, and in float the layers whose rounding moves the answers most: a sixteenth of
   them, an eighth, a quarter, half.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from common.errors import KitError
from common.words import listed
from kit.model.onnx import rounding
from kit.model.onnx.graph import Graph
from kit.model.onnx.quantization import Calibrated
from kit.model.pictures import decoding
from kit.model.pictures.choosing import Picture, some
from kit.model.precision import sensitivity
from kit.model.source.resolving import Source

BATCH = 16
NETWORK = "network"  # of the servable; what is around it stays in float


@dataclass(frozen=True)
class Recipe:
    """`in_float`: layers by their modules' names. `averaged`: whether ranges leave outliers out. `between`: whether
    additions and pools between the layers are int8 as well."""

    in_float: tuple[str, ...]
    averaged: bool = False
    between: bool = True

    def __str__(self) -> str:
        between = "" if self.between else ", nothing between layers in int8"
        return f"{self._observer} ranges{between}, in float: {listed(self.in_float)}"

    @property
    def _observer(self) -> str:
        return "averaged min-max" if self.averaged else "min-max"

    def document(self) -> dict[str, Any]:
        return {
            "observer": self._observer,
            "between_layers": self.between,
            "biases_corrected": False,
            "layers_in_float": list(self.in_float),
        }


@dataclass
class Kitchen:
    """Calibrates once, and cooks recipes on it. `graph`: the servable in float32 around `network`."""

    source: Source
    network: nn.Module
    graph: Graph
    pictures: Sequence[Picture]

    @cached_property
    def calibrated(self) -> Calibrated:
        return Calibrated(self.graph, self._crops)

    @cached_property
    def nodes(self) -> dict[str, str]:
        """The nodes that can be int8, with their layers."""
        prefix = f"{NETWORK}."
        weighted = {f"{prefix}{name}" for name in self._weighted}
        return {node: layer.removeprefix(prefix) for node, layer in self.graph.layers(weighted).items()}

    @cached_property
    def _weighted(self) -> set[str]:
        """The modules that are layers by themselves: attention holds the weights of several."""
        modules = self.network.named_modules()
        return {
            name for name, module in modules if getattr(module, "weight", None) is not None and module.weight.ndim > 1
        }

    @cached_property
    def layers(self) -> list[str]:
        return list(dict.fromkeys(self.nodes.values()))

    def _crops(self) -> Iterator[npt.NDArray[np.uint8]]:
        return (crops.numpy() for crops in decoding.crops(self.pictures, self.source.preprocessing, BATCH))

    def cook(self, recipe: Recipe) -> Any:
        """An onnx.ModelProto."""
        in_float = [node for node, layer in self.nodes.items() if layer in recipe.in_float]
        return self.calibrated.quantized(
            [*self.graph.outside(NETWORK), *in_float], averaged=recipe.averaged, between=recipe.between
        )

    def harm(self) -> dict[str, float]:
        steps = self.source.preprocessing
        shown = decoding.crops(some(self.pictures, sensitivity.PICTURES), steps, BATCH)
        inputs: list[Tensor] = [steps.normalised(crops) for crops in shown]
        network = copy.deepcopy(self.network)  # whose gradients can be had: those folded have been in inference mode
        layers = [layer for layer in self.layers if layer in self._weighted]
        found = sensitivity.harm(network, rounding.watched(network, layers, inputs), inputs)
        return {layer: found.get(layer, math.nan) for layer in self.layers}


def ladder(kitchen: Kitchen) -> Iterator[Recipe]:
    """Recipes that leave something in int8, the fastest first. Raises KitError when there is nothing to leave."""
    name, layers = kitchen.source.architecture.name, kitchen.layers
    if len(layers) < 2:
        raise KitError(f"{name} has too few layers to quantize ({len(layers)})", "PRECISION=fp32")

    def in_float(more: Sequence[str]) -> tuple[str, ...]:
        return tuple(layer for layer in layers if layer in {*more, layers[-1]})

    yield Recipe(in_float(()))
    yield Recipe(in_float(()), averaged=True)
    for worst in sensitivity.more_and_more(sensitivity.worst_first(name, layers[:-1], kitchen.harm)):
        yield Recipe(in_float(worst), averaged=True, between=False)
