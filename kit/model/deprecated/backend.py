"""model.pt: traced, quantized, saved and loaded (see kit.model.backend)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common.errors import KitError
from kit.console import step
from kit.model.checks import comparison
from kit.model.checks.accuracy_gate import Gate
from kit.model.checks.comparison import Comparison, Model
from kit.model.deprecated import int8, torchscript
from kit.model.deprecated.torchscript import load as load
from kit.model.pictures.choosing import Picture
from kit.model.precision.folding import folded
from kit.model.precision.precisions import Choice
from kit.model.servable import Servable, example
from kit.model.source.preprocessing import Preprocessing
from kit.model.source.resolving import Source

INSIDE = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "int8": torch.float32}


def write(source: Source, choice: Choice, path: Path) -> Model:
    step(f"tracing {source.architecture.name} in {choice.name}")
    return _traced(source, source.network, choice, path)


def quantize(
    source: Source,
    choice: Choice,
    pictures: Sequence[Picture],
    path: Path,
    judge: Callable[[Model], Comparison],
    gate: Gate,
) -> tuple[dict[str, Any], Comparison]:
    def cooked(network: nn.Module) -> Comparison:
        return judge(_traced(source, network, choice, path))

    recipe, measured = int8.quantize(source, choice.engine, pictures, cooked, gate)
    return recipe.document(), measured


def servable(network: nn.Module, preprocessing: Preprocessing, precision: str, activation: nn.Module) -> Servable:
    """All of it is channels-last, as pictures come out of a decoder: ResNet18 in fp32 is a tenth faster so on a
    processor, in bf16 a third, and it is the layout of a GPU's tensor cores. An int8 network comes quantized already:
    it takes float32 and begins by quantizing it."""
    inside, layout = INSIDE[precision], torch.channels_last
    if precision != "int8":
        # Tracing in fp32 folds batch norms by itself.
        seen = preprocessing.normalised(example(1, preprocessing.crop))
        own = copy.deepcopy(network) if precision == "fp32" else folded(network, seen)
        network = own.to(inside).to(memory_format=layout)
    return Servable(network, preprocessing, activation, inside, layout)


def _traced(source: Source, network: nn.Module, choice: Choice, path: Path) -> Model:
    """Save to `path`, and load again what was saved: that is what gets measured."""
    whole = servable(network, source.preprocessing, choice.name, source.activation)
    with source.architecture.blame("tracing the network"):
        try:
            traced = torchscript.trace(whole, example(comparison.TRACED_WITH, source.preprocessing.crop))
        except RuntimeError as error:
            if source.architecture.own:
                raise
            raise KitError(f"{source.architecture.name} cannot be traced: {str(error).strip()[:300]}") from None
    torchscript.save(traced, path, choice.engine)
    return torchscript.load(path)
