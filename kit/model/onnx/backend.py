"""model.onnx: written, quantized and loaded (see kit.model.backend)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from kit.console import step
from kit.model.checks import comparison
from kit.model.checks.accuracy_gate import Gate
from kit.model.checks.comparison import Comparison, Model
from kit.model.onnx import graph, int8
from kit.model.onnx.graph import Graph
from kit.model.onnx.running import load as load
from kit.model.pictures.choosing import Picture
from kit.model.precision import ladder
from kit.model.precision.folding import folded
from kit.model.precision.precisions import Choice
from kit.model.servable import Servable, example
from kit.model.source.resolving import Source

NAMES = ("pictures", "probabilities")


def write(source: Source, choice: Choice, path: Path) -> Model:
    graph.save(_exported(source, _folded(source)).proto, path)
    return load(path)


def quantize(
    source: Source,
    choice: Choice,
    pictures: Sequence[Picture],
    path: Path,
    judge: Callable[[Model], Comparison],
    gate: Gate,
) -> tuple[dict[str, Any], Comparison]:
    network = _folded(source)
    kitchen = int8.Kitchen(source, network, _exported(source, network), pictures)

    def cook(recipe: int8.Recipe) -> Comparison:
        graph.save(kitchen.cook(recipe), path)
        return judge(load(path))

    recipe, measured = ladder.climb(int8.ladder(kitchen), cook, gate)
    return recipe.document(), measured


def _folded(source: Source) -> nn.Module:
    steps = source.preprocessing
    return folded(source.network, steps.normalised(example(1, steps.crop)))


def _exported(source: Source, network: nn.Module) -> Graph:
    step(f"exporting {source.architecture.name} to ONNX")
    steps = source.preprocessing
    servable = Servable(network, steps, source.activation)
    with source.architecture.blame("exporting the network"):
        return graph.export(
            servable, example(comparison.TRACED_WITH, steps.crop), NAMES, "RUNTIME=torch", any_number=True
        )
