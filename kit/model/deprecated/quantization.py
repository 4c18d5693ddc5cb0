"""Every call to torch.ao.quantization: post-training static quantization in FX graph mode.

`Calibrated` watches a network's activations on real pictures once, and then makes int8 networks of it, with any of
its layers left in float.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kit.model.deprecated.torchscript import use_engine

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.ao.quantization import (
        HistogramObserver,
        ObserverBase,
        PerChannelMinMaxObserver,
        QConfig,
        QConfigMapping,
        get_default_qconfig_mapping,
    )
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
# The largest weight of a channel, in steps. Without VNNI, x86-64 adds up two products in 16 bits: 2 × 255 × 64 is all
# that they hold, and an archive may land on any x86-64. ARM adds up in 32. A range that is not symmetric would cut a
# channel's largest weight.
LARGEST_WEIGHT = {"x86": 64, "qnnpack": 127}


class Observer(HistogramObserver):
    """Knows two ranges for what it saw: the one that `clips` outliers where that loses less, and the whole of it."""

    clips = True

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        if self.clips:
            return super().calculate_qparams()  # type: ignore[no-any-return]
        return self._calculate_qparams(self.min_val, self.max_val)


class Calibrated:
    """`layers`: the convolutions and linear layers, in the order they run. `weights` makes what observes the weights of
    one."""

    layers: list[str]

    def __init__(self, network: nn.Module, engine: str, batches: Iterable[Tensor]) -> None:
        """`batches`: the network's inputs, float32 [N, 3, crop, crop]. Raises whatever torch.fx says of a network that
        it cannot follow."""
        use_engine(engine)
        self._engine = engine
        largest = LARGEST_WEIGHT[engine]
        self.weights = PerChannelMinMaxObserver.with_args(
            dtype=torch.qint8, qscheme=torch.per_channel_symmetric, quant_min=-largest, quant_max=largest
        )
        self._qconfig = QConfig(Observer.with_args(reduce_range=False), self.weights)  # type: ignore[no-untyped-call]
        self._names = {name for name, module in network.named_modules() if isinstance(module, LAYERS)}
        self._network = network
        watched = iter(batches)
        self._example = next(watched)
        with _quiet():
            self._prepared = self._prepare(functions=True)
            with torch.inference_mode():
                for batch in (self._example, *watched):
                    self._prepared(batch)
        self.layers = [node.target for node in self._prepared.graph.nodes if node.target in self._names]

    def converted(
        self, in_float: Collection[str], clips: bool, functions: bool, biases: Mapping[str, Tensor] | None = None
    ) -> nn.Module:
        """An int8 network in which the layers named `in_float` are not int8. `clips`: whether ranges leave outliers
        out. `functions`: whether what lies between the layers (additions, pools) is int8 too. `biases`: of layers that
        are to have others."""
        use_engine(self._engine)
        prepared = self.prepared(functions)
        for module in prepared.modules():
            if isinstance(module, Observer):
                module.clips = clips
        for name, bias in (biases or {}).items():
            layer_in(prepared.get_submodule(name)).bias = nn.Parameter(bias)
        with _quiet():
            made: nn.Module = convert_fx(prepared, qconfig_mapping=self._mapping(in_float, functions))
        return made.eval()

    def prepared(self, functions: bool) -> Any:
        """The network, its batch norms folded, with observers of what is to be int8, which have seen the pictures."""
        if functions:
            return copy.deepcopy(self._prepared)
        with _quiet():
            prepared = self._prepare(functions)
        seen = {node.args[0].name: observer for node, observer in _observed(self._prepared)}
        for node, _ in _observed(prepared):
            prepared.set_submodule(node.target, copy.deepcopy(seen[node.args[0].name]))
        return prepared

    def _prepare(self, functions: bool) -> Any:
        return prepare_fx(copy.deepcopy(self._network), self._mapping((), functions), (self._example,))

    def _mapping(self, in_float: Collection[str], functions: bool) -> Any:
        mapping = QConfigMapping().set_global(None)
        if functions:
            mapping = get_default_qconfig_mapping(self._engine)
            usual = mapping.global_qconfig
            mapping.set_global(self._qconfig)
            # Operations that cannot be quantized per channel, or have a fixed range, keep a configuration of theirs.
            for operation, given in list(mapping.object_type_qconfigs.items()):
                if given == usual:
                    mapping.set_object_type(operation, self._qconfig)
        for name in sorted(self._names):
            mapping.set_module_name(name, None if name in in_float else self._qconfig)
        return mapping


def layer_in(module: nn.Module) -> Any:
    """The convolution or linear layer itself, of one that prepare_fx may have fused with the activation after it."""
    return module[0] if isinstance(module, nn.Sequential) else module


def _observed(prepared: Any) -> Iterator[tuple[Any, nn.Module]]:
    """The nodes that observe another, and their observers."""
    for node in prepared.graph.nodes:
        if node.op == "call_module" and isinstance(module := prepared.get_submodule(node.target), ObserverBase):
            yield node, module


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
