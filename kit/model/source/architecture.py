"""ARCH: a classification network of torchvision by name, or a function in the user's own file."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torch.nn.parameter import is_lazy

from common.errors import UsageError
from kit.model.source import own_code

# These two have extra heads for training, and were pretrained on inputs scaled to -1…1.
WITH_AUXILIARY_HEADS = {"googlenet": "aux", "inception_v3": "AuxLogits."}


@dataclass(frozen=True)
class Architecture:
    """`name` is what the report says. `own` is the user's file, None for torchvision's networks."""

    name: str
    model_name: str
    make: Callable[..., Any]
    takes_classes: bool
    own: Path | None = None

    def build(self, classes: int, crop: int, keys: Iterable[str] = ()) -> nn.Module:
        """The network with fresh weights. `keys`: the checkpoint's names, which tell of optional heads."""
        with self.blame("building the network"):
            network = self.make(**self.arguments(classes, crop, keys))
        if not isinstance(network, nn.Module):
            raise UsageError(f"{self.name} returned {type(network).__name__}, not a torch.nn.Module")
        network.eval()
        if any(map(is_lazy, [*network.parameters(), *network.buffers()])):
            with self.blame("running the network once, for its lazy layers"), torch.inference_mode():
                network(torch.zeros(1, 3, crop, crop))
        return network

    def arguments(self, classes: int, crop: int, keys: Iterable[str]) -> dict[str, Any]:
        found: dict[str, Any] = {"num_classes": classes} if self.takes_classes else {}
        if self.own:
            return found
        if head := WITH_AUXILIARY_HEADS.get(self.name):
            auxiliary = any(f".{head}" in f".{key}" for key in keys)
            found |= {"aux_logits": auxiliary, "init_weights": False, "transform_input": True}
        if self.name.startswith("vit_"):
            found["image_size"] = crop
        return found

    def blame(self, doing: str) -> AbstractContextManager[None]:
        """Around whatever runs the network: errors in the user's own file are said in their terms."""
        return own_code.blamed_on(self.own, doing) if self.own else nullcontext()


def torchvision_names() -> list[str]:
    """The classification networks: not detection, segmentation, video, optical flow or quantized ones."""
    return list(torchvision.models.list_models(module=torchvision.models))


def choose(wanted: str) -> Architecture:
    """The architecture called `wanted`. Raises UsageError, with near names, when there is none."""
    if ".py:" in wanted:
        file, name, made = own_code.function(wanted)
        return Architecture(f"{file.name}:{name}", name, made, own_code.takes_classes(made), file)
    names = torchvision_names()
    if wanted not in names:
        near = difflib.get_close_matches(wanted.lower().replace("-", "_"), names, n=3, cutoff=0.5)
        raise UsageError(
            f"ARCH={wanted} is not a classification network of torchvision {torchvision.__version__}",
            (f"did you mean {', '.join(near)}? " if near else "") + "Your own: ARCH=<file.py>:<function>",
        )
    return Architecture(wanted, wanted, lambda **arguments: torchvision.models.get_model(wanted, **arguments), True)


@contextmanager
def _weightless() -> Iterator[None]:
    """Networks built inside have weights of shapes alone. Only what becomes a weight is taken to the meta device:
    some networks compute their widths with tensors while they are built, which that device cannot."""
    register = nn.Module.register_parameter

    def without_figures(module: nn.Module, name: str, weight: nn.Parameter | None) -> None:
        register(module, name, None if weight is None else nn.Parameter(weight.to("meta"), weight.requires_grad))

    nn.Module.register_parameter = without_figures  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        nn.Module.register_parameter = register  # type: ignore[method-assign]


def shapes(architecture: Architecture, classes: int, crop: int, keys: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Every layer's shape if the network had that many classes; torchvision's take no memory for it."""
    with nullcontext() if architecture.own else _weightless(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = architecture.build(classes, crop, keys)
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}
