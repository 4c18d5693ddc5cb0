"""int8: the first recipe on a ladder whose network passes the gate.

Up the ladder, each is a little slower or a little slower to find than the one before:

1. histogram observers (they clip outliers), everything in int8 but the last layer: its answers, rounded to eight
   bits, would tie classes with each other;
2. min-max observers (they clip nothing);
3. the first layer in float too;
4. what lies between layers in float, and the layers that suffer most: 1, 2, 4 … of them, up to half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from kit.console import step
from kit.errors import KitError
from kit.model import decoding
from kit.model.comparison import Comparison
from kit.model.deprecated.quantization import Calibrated
from kit.model.gate import Gate
from kit.model.pictures import Picture, some
from kit.model.plain import plain_convolutions
from kit.model.source import Source

BATCH = 16
SENSITIVITY_PICTURES = 32

Judge = Callable[[nn.Module], Comparison]


@dataclass(frozen=True)
class Recipe:
    """`functions`: whether additions and pools between the layers are int8 as well."""

    observer: str
    in_float: tuple[str, ...]
    functions: bool = True

    def __str__(self) -> str:
        between = "" if self.functions else ", nothing between layers in int8"
        return f"{self.observer} observers{between}, in float: {', '.join(self.in_float)}"

    def document(self) -> dict[str, Any]:
        return {"observer": self.observer, "between_layers": self.functions, "layers_in_float": list(self.in_float)}


@dataclass
class Kitchen:
    """Calibrates once for each kind of observer, and cooks a recipe on it."""

    source: Source
    engine: str
    pictures: Sequence[Picture]
    calibrated: dict[tuple[str, bool], Calibrated] = field(default_factory=dict)

    @cached_property
    def network(self) -> nn.Module:
        return plain_convolutions(self.source.network, next(self.inputs(self.pictures[:1])))

    def calibrate(self, observer: str, functions: bool) -> Calibrated:
        key = observer, functions
        if key not in self.calibrated:
            step(f"calibrating {observer} observers on {len(self.pictures)} pictures")
            try:
                self.calibrated[key] = Calibrated(
                    self.network, self.engine, observer, functions, self.inputs(self.pictures)
                )
            except KitError:
                raise
            except Exception as error:  # torch.fx runs the network's own code with stand-ins, which may raise anything
                raise _not_followed(self.source, error) from None
        return self.calibrated[key]

    def cook(self, recipe: Recipe) -> nn.Module:
        return self.calibrate(recipe.observer, recipe.functions).converted(recipe.in_float)

    def inputs(self, shown: Sequence[Picture]) -> Iterator[Tensor]:
        """What the network is given for them, in batches: float32 [N, 3, crop, crop]."""
        steps = self.source.preprocessing
        return map(steps.normalised, decoding.crops(shown, steps, BATCH))

    def harm(self) -> Callable[[str], float]:
        """A function: a layer's name → by how much the probabilities change when that layer alone is int8."""
        calibrated = self.calibrate("histogram", functions=False)
        pictures = torch.cat(list(self.inputs(some(self.pictures, SENSITIVITY_PICTURES))))
        wanted = self.source.activation(self.source.logits(pictures))

        def of(layer: str) -> float:
            alone = calibrated.converted([other for other in calibrated.layers if other != layer])
            with torch.inference_mode():
                found = self.source.activation(alone(pictures))
            return float((found - wanted).abs().sum(dim=1).mean().nan_to_num(nan=2.0))

        return of


def quantize(
    source: Source, engine: str, pictures: Sequence[Picture], judge: Judge, gate: Gate
) -> tuple[Recipe, Comparison]:
    """The recipe that passed and what was measured of it: `judge` makes a model of a network and compares it, and
    the last one it made is the one. Raises KitError, with the best attempt's table, when none passes."""
    kitchen = Kitchen(source, engine, pictures)
    missed: list[Comparison] = []
    for recipe in ladder(kitchen):
        measured = judge(kitchen.cook(recipe))
        if gate.passes(measured):
            return recipe, measured
        step(f"int8 misses the gate with {recipe} ({measured.agreement:.1%} same first answer)")
        missed.append(measured)
    best = max(missed, key=lambda measured: measured.agreement)
    raise gate.refusal(best, f"the best of {len(missed)} recipes, from all of it in int8 to half of its layers")


def ladder(kitchen: Kitchen) -> Iterator[Recipe]:
    """Recipes that leave something in int8, the fastest first. Raises KitError when there is nothing to leave."""
    layers = kitchen.calibrate("histogram", functions=True).layers
    if len(layers) < 2:
        name = kitchen.source.architecture.name
        raise KitError(f"{name} has too few layers to quantize ({len(layers)})", "PRECISION=fp32")
    *others, last = layers
    yield Recipe("histogram", (last,))
    yield Recipe("min-max", (last,))
    if len(others) > 1:
        yield Recipe("histogram", (layers[0], last))
    step(f"looking for the layers that suffer most, of {len(others)}")
    for worst in more_and_more(by_harm(others, kitchen.harm())):
        yield Recipe("histogram", tuple(layer for layer in layers if layer in {*worst, last}), functions=False)


def by_harm(layers: Sequence[str], harm: Callable[[str], float]) -> list[str]:
    """The layers from the worst; those that do the same harm in the order they run."""
    measured = {layer: harm(layer) for layer in layers}
    return sorted(layers, key=lambda layer: -measured[layer])


def more_and_more(ranked: Sequence[str]) -> Iterator[Sequence[str]]:
    """The first 1, 2, 4 … of them, up to half: beyond that the gain in speed is gone."""
    count = 1
    while count <= len(ranked) // 2:
        yield ranked[:count]
        count *= 2


def _not_followed(source: Source, error: Exception) -> KitError:
    said = str(error).strip().splitlines()
    return KitError(
        f"{source.architecture.name} cannot be quantized: torch.fx cannot follow it"
        f" ({type(error).__name__}: {said[0][:200] if said else ''})",
        "PRECISION=fp32 or PRECISION=bf16, or make the network free of branches that depend on the picture",
    )
