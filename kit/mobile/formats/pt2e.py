"""int8 for ExecuTorch: torchao's PT2E with the quantizer of XNNPACK, and as much in int8 as passes the gate."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kit.console import step
from kit.mobile.formats.pte import not_exported
from kit.model.checks.accuracy_gate import Gate
from kit.model.checks.comparison import Comparison
from kit.model.quiet import quiet

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)


@dataclass(frozen=True)
class Recipe:
    """`in_float`: the layers that stay in float, by name."""

    in_float: tuple[str, ...]

    def __str__(self) -> str:
        return f"in float: {', '.join(self.in_float)}"


def recipes(layers: Sequence[str]) -> Iterator[Recipe]:
    """The fastest first. The last layer stays in float: rounded to eight bits, its answers would tie."""
    yield Recipe(tuple(layers[-1:]))
    if len(layers) > 2:
        yield Recipe((layers[0], layers[-1]))


def quantize(
    network: nn.Module, inputs: Callable[[], Iterator[Tensor]], judge: Callable[[nn.Module], Comparison], gate: Gate
) -> tuple[dict[str, Any], Comparison]:
    """The recipe that passed, and what was measured of it. `inputs` gives the calibration pictures one at a time,
    float32 [1, 3, crop, crop]. Raises KitError, with the best attempt's table, when none passes."""
    layers = [name for name, module in network.named_modules() if isinstance(module, LAYERS)]
    missed: list[Comparison] = []
    for recipe in recipes(layers):
        measured = judge(_quantized(network, inputs, recipe))
        if gate.passes(measured):
            return {"layers_in_float": list(recipe.in_float), "observer": "histogram"}, measured
        step(f"int8 misses the gate with {recipe} ({measured.agreement:.1%} same first answer)")
        missed.append(measured)
    best = max(missed, key=lambda measured: measured.agreement)
    raise gate.refusal(best, f"the best of {len(missed)} recipes of PT2E")


def _quantized(network: nn.Module, inputs: Callable[[], Iterator[Tensor]], recipe: Recipe) -> nn.Module:
    with quiet():
        from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
            XNNPACKQuantizer,
            get_symmetric_quantization_config,
        )
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
        quantizer.set_filter_function(lambda node: not _inside(node, recipe.in_float))
        step(f"calibrating for XNNPACK, {recipe}")
        try:
            exported = torch.export.export(copy.deepcopy(network), (next(inputs()),)).module(check_guards=False)
            prepared = prepare_pt2e(exported, quantizer)
            with torch.no_grad():
                for picture in inputs():
                    prepared(picture)
            made: nn.Module = convert_pt2e(prepared)
        except Exception as error:
            raise not_exported(error) from None
    return made


def _inside(node: torch.fx.Node, layers: Sequence[str]) -> bool:
    """Whether a node of an exported graph comes from one of the layers."""
    modules = [str(path) for path, _ in (node.meta.get("nn_module_stack") or {}).values()]
    return any(module == layer or module.endswith(f".{layer}") for module in modules for layer in layers)
