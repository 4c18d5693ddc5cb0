"""int8: the first recipe on a ladder whose network passes the gate.

Up the ladder, each is a little slower than the one before:

1. activations' ranges without their outliers, everything in int8 but what int8 would slow down, and the last
   layer: its answers, rounded to eight bits, would tie classes with each other;
2. the same with whole ranges;
3. what lies between layers in float, the biases corrected, and in float the layers whose rounding moves the answers
   most: a sixteenth of them, an eighth, a quarter, half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from common.errors import KitError
from common.words import listed, reason
from kit.console import progress
from kit.model.checks.accuracy_gate import Gate
from kit.model.checks.comparison import Comparison
from kit.model.deprecated.kernels import slow_in_int8
from kit.model.deprecated.quantization import Calibrated
from kit.model.deprecated.rounding import Rounding
from kit.model.pictures import decoding
from kit.model.pictures.choosing import Picture, some
from kit.model.precision import sensitivity
from kit.model.precision.ladder import climb
from kit.model.precision.plain import plain_convolutions
from kit.model.source.resolving import Source

BATCH = 16

Judge = Callable[[nn.Module], Comparison]


@dataclass(frozen=True)
class Recipe:
    """`observer`: "histogram" where ranges leave outliers out, "min-max" where they do not. `functions`: whether
    additions and pools between the layers are int8 as well; where not, the layers' biases are corrected."""

    observer: str
    in_float: tuple[str, ...]
    functions: bool = True

    def __str__(self) -> str:
        between = "" if self.functions else ", biases corrected, nothing between layers in int8"
        return f"{self.observer} ranges{between}, in float: {listed(self.in_float)}"

    def document(self) -> dict[str, Any]:
        return {
            "observer": self.observer,
            "between_layers": self.functions,
            "biases_corrected": not self.functions,
            "layers_in_float": list(self.in_float),
        }


@dataclass
class Kitchen:
    """Calibrates once, and cooks recipes on it."""

    source: Source
    engine: str
    pictures: Sequence[Picture]

    @cached_property
    def network(self) -> nn.Module:
        return plain_convolutions(self.source.network, next(self.inputs(self.pictures[:1])))

    @cached_property
    def slow(self) -> set[str]:
        """The layers that are in float in every recipe, because int8 would make them slower."""
        return {name for name, module in self.network.named_modules() if slow_in_int8(module, self.engine)}

    @cached_property
    def calibrated(self) -> Calibrated:
        with progress() as bar:
            task = bar.add_task("calibrating on pictures", total=len(self.pictures))

            def watched() -> Iterator[Tensor]:
                for batch in self.inputs(self.pictures):
                    yield batch
                    bar.advance(task, len(batch))

            try:
                return Calibrated(self.network, self.engine, watched())
            except KitError:
                raise
            except Exception as error:  # torch.fx runs the network's own code with stand-ins, which may raise anything
                raise _not_followed(self.source, error) from None

    @cached_property
    def rounding(self) -> Rounding:
        return Rounding(self.calibrated)

    @cached_property
    def some_inputs(self) -> list[Tensor]:
        return list(self.inputs(some(self.pictures, sensitivity.PICTURES)))

    def cook(self, recipe: Recipe) -> nn.Module:
        biases = {} if recipe.functions else self.rounding.mended_biases(torch.cat(self.some_inputs), recipe.in_float)
        return self.calibrated.converted(recipe.in_float, recipe.observer == "histogram", recipe.functions, biases)

    def inputs(self, shown: Sequence[Picture]) -> Iterator[Tensor]:
        """What the network is given for them, in batches: float32 [N, 3, crop, crop]."""
        steps = self.source.preprocessing
        return map(steps.normalised, decoding.crops(shown, steps, BATCH))


def quantize(
    source: Source, engine: str, pictures: Sequence[Picture], judge: Judge, gate: Gate
) -> tuple[Recipe, Comparison]:
    """The recipe that passed and what was measured of it: `judge` makes a model of a network and compares it. Raises
    KitError, with the best attempt's table, when none passes."""
    kitchen = Kitchen(source, engine, pictures)
    return climb(ladder(kitchen), lambda recipe: judge(kitchen.cook(recipe)), gate)


def ladder(kitchen: Kitchen) -> Iterator[Recipe]:
    """Recipes that leave something in int8, the fastest first. Raises KitError when there is nothing to leave."""
    layers = kitchen.calibrated.layers
    able = [layer for layer in layers if layer not in kitchen.slow]
    if len(able) < 2:
        name = kitchen.source.architecture.name
        raise KitError(f"{name} has too few layers to quantize ({len(able)})", "PRECISION=fp32")

    def in_float(more: Sequence[str]) -> tuple[str, ...]:
        return tuple(layer for layer in layers if layer in {*kitchen.slow, *more, able[-1]})

    yield Recipe("histogram", in_float(()))
    yield Recipe("min-max", in_float(()))
    name, harm = kitchen.source.architecture.name, partial(kitchen.rounding.harm, kitchen.some_inputs)
    for worst in sensitivity.more_and_more(sensitivity.worst_first(name, able[:-1], harm)):
        yield Recipe("histogram", in_float(worst), functions=False)


def _not_followed(source: Source, error: Exception) -> KitError:
    return KitError(
        f"{source.architecture.name} cannot be quantized: torch.fx cannot follow it ({reason(error)})",
        "PRECISION=fp32 or PRECISION=bf16, or make the network free of branches that depend on the picture",
    )
