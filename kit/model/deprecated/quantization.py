"""Every call to torch.ao.quantization: post-training static quantization in FX graph mode.

`Calibrated` watches a network's activations on real pictures once, and then makes int8 networks of it, with any of
its layers left in float.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Collection, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from kit.model.deprecated.torchscript import use_engine

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.ao.quantization import (
        HistogramObserver,
        MinMaxObserver,
        QConfig,
        QConfigMapping,
        default_per_channel_weight_observer,
        get_default_qconfig_mapping,
    )
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

OBSERVERS: dict[str, Any] = {"histogram": HistogramObserver, "min-max": MinMaxObserver}
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


class Calibrated:
    """`layers`: the convolutions and linear layers, in the order they run."""

    layers: list[str]

    def __init__(
        self, network: nn.Module, engine: str, observer: str, functions: bool, batches: Iterable[Tensor]
    ) -> None:
        """`functions`: whether what lies between the layers (additions, pools) is quantized too. `batches`: the
        network's inputs, float32 [N, 3, crop, crop]. Raises whatever torch.fx says of a network it cannot follow."""
        use_engine(engine)
        self._engine = engine
        self._functions = functions
        self._qconfig = _qconfig(engine, observer)
        self._names = {name for name, module in network.named_modules() if isinstance(module, LAYERS)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            watched = iter(batches)
            first = next(watched)
            self._prepared: Any = prepare_fx(copy.deepcopy(network), self._mapping(()), (first,))
            with torch.inference_mode():
                self._prepared(first)
                for batch in watched:
                    self._prepared(batch)
        self.layers = [node.target for node in self._prepared.graph.nodes if node.target in self._names]

    def converted(self, in_float: Collection[str]) -> nn.Module:
        """An int8 network in which the layers named `in_float` are not int8."""
        use_engine(self._engine)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            prepared = copy.deepcopy(self._prepared)
            made: nn.Module = convert_fx(prepared, qconfig_mapping=self._mapping(in_float))
        return made.eval()

    def _mapping(self, in_float: Collection[str]) -> Any:
        if self._functions:
            mapping = get_default_qconfig_mapping(self._engine)
            usual = mapping.global_qconfig
            mapping.set_global(self._qconfig)
            # Operations that cannot be quantized per channel, or have a fixed range, keep a configuration of theirs.
            for operation, given in list(mapping.object_type_qconfigs.items()):
                if given == usual:
                    mapping.set_object_type(operation, self._qconfig)
        else:
            mapping = QConfigMapping().set_global(None)
        for name in sorted(self._names):
            mapping.set_module_name(name, None if name in in_float else self._qconfig)
        return mapping


def _qconfig(engine: str, observer: str) -> Any:
    """Activations in seven of eight bits for x86: without VNNI two products are added up in 16 bits, which eight
    would overflow, and an archive may land on any x86-64. ARM adds up in 32."""
    activations = OBSERVERS[observer].with_args(reduce_range=engine == "x86")
    return QConfig(activations, default_per_channel_weight_observer)  # type: ignore[no-untyped-call]
