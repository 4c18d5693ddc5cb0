"""int8's rounding, stood in for in float32: what each layer's does to the answers is measured, and partly mended,
before anything is converted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import InitVar, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kit.model.deprecated.quantization import Calibrated, layer_in
from kit.model.precision import sensitivity


class Rounded(nn.Module):
    """Rounds to the steps of the observer in whose place it stands, while it is `on`."""

    def __init__(self, observer: Any) -> None:
        super().__init__()
        scale, zero = observer.calculate_qparams()
        self.steps = float(scale), int(zero), observer.quant_min, observer.quant_max
        self.on = False

    def forward(self, tensor: Tensor) -> Tensor:
        return self.round(tensor) if self.on else tensor

    def round(self, tensor: Tensor) -> Tensor:
        return torch.fake_quantize_per_tensor_affine(tensor, *self.steps)


@dataclass
class Layer:
    """A convolution or linear layer: `module` runs it, with the activation that is fused to it; `given` and `answered`
    round its inputs and its answers, where they are rounded; `observer`, a new one, is shown its weights."""

    module: nn.Module
    given: Rounded | None
    answered: Rounded | None
    observer: InitVar[Any]

    def __post_init__(self, observer: Any) -> None:
        self.own = layer_in(self.module)
        self.weight = self.own.weight.data
        observer(self.weight)
        scale, zero = observer.calculate_qparams()
        self.rounded_weight = torch.fake_quantize_per_channel_affine(
            self.weight, scale, zero.int(), 0, observer.quant_min, observer.quant_max
        )

    def round(self, on: bool) -> None:
        self.own.weight.data = self.rounded_weight if on else self.weight
        for tensor in (self.given, self.answered):
            if tensor is not None and on:  # a neighbour may have it on
                tensor.on = True

    def error(self, given: Tensor, answer: Tensor) -> Tensor:
        """What rounding this layer alone adds to its answer."""
        self.own.weight.data = self.rounded_weight
        found: Tensor = self.module.forward(self.given.round(given) if self.given else given)
        self.own.weight.data = self.weight
        return (self.answered.round(found) if self.answered else found) - answer


class Rounding:
    """A calibrated network of which any layers can be rounded as int8 would."""

    def __init__(self, calibrated: Calibrated) -> None:
        self.network = calibrated.prepared(functions=False)
        tensors: dict[int, Rounded] = {}
        for name, module in list(self.network.named_modules(remove_duplicate=False)):
            if hasattr(module, "calculate_qparams") and hasattr(module, "quant_min"):
                self.network.set_submodule(name, tensors.setdefault(id(module), Rounded(module)))
        self.tensors = list(tensors.values())
        self.layers = {
            node.target: Layer(
                self.network.get_submodule(node.target),
                self._rounded(node.all_input_nodes),
                self._rounded(list(node.users)),
                calibrated.weights(),
            )
            for node in self.network.graph.nodes
            if node.target in calibrated.layers
        }

    def _rounded(self, nodes: Iterable[Any]) -> Rounded | None:
        modules = [self.network.get_submodule(node.target) for node in nodes if node.op == "call_module"]
        return next((module for module in modules if isinstance(module, Rounded)), None)

    def harm(self, batches: Iterable[Tensor]) -> dict[str, float]:
        return sensitivity.harm(self.network, self.layers, batches)

    def mended_biases(self, pictures: Tensor, in_float: Collection[str]) -> dict[str, Tensor]:
        """Biases with which each layer's answers are, on the average, what they are in float although all layers but
        those `in_float` are rounded: as each layer runs, so that it mends what is left of the errors of those before.

        Bias correction, after Nagel et al., Data-Free Quantization (2019), section 4.2, measured on pictures.
        """
        wanted: dict[str, Tensor] = {}
        biases: dict[str, Tensor] = {}

        def corrected(name: str, own: Any, answer: Tensor) -> Tensor:
            off = wanted[name] - by_channel(answer, own)
            bias = own.bias if own.bias is not None else torch.zeros_like(off)
            biases[name] = bias.detach() + off
            return answer + (off.reshape(-1, *[1] * (answer.ndim - 2)) if not isinstance(own, nn.Linear) else off)

        with torch.inference_mode():
            self._run(pictures, lambda name, own, answer: wanted.update({name: by_channel(answer, own)}))
            for name, layer in self.layers.items():
                if name not in in_float:
                    layer.round(True)
            self._run(pictures, corrected)
            for layer in self.layers.values():
                layer.round(False)
            for tensor in self.tensors:
                tensor.on = False
        return {name: bias.clone() for name, bias in biases.items()}

    def _run(self, pictures: Tensor, at_layer: Callable[[str, nn.Module, Tensor], Tensor | None]) -> None:
        def hook(name: str, own: nn.Module) -> Any:
            return own.register_forward_hook(lambda _module, _given, answer: at_layer(name, own, answer))

        hooks = [hook(name, layer.own) for name, layer in self.layers.items()]
        self.network(pictures)
        for made in hooks:
            made.remove()


def by_channel(answer: Tensor, layer: nn.Module) -> Tensor:
    """Means [channels] of what a layer answers."""
    channel = answer.ndim - 1 if isinstance(layer, nn.Linear) else 1
    return answer.mean(dim=[dim for dim in range(answer.ndim) if dim != channel])
