"""Which layers' rounding to int8 moves the answers most, and how many of them to leave in float."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from common.errors import KitError
from common.words import reason

PICTURES = 32  # that it is measured on
SHARES = (16, 8, 4, 2)  # one layer in so many is left in float; beyond half, the gain in speed is gone


class RoundedLayer(Protocol):
    """`module` is in the network; `error` what rounding it alone adds to its answer."""

    @property
    def module(self) -> nn.Module: ...

    def error(self, given: Tensor, answer: Tensor) -> Tensor: ...


def harm(network: nn.Module, layers: Mapping[str, RoundedLayer], batches: Iterable[Tensor]) -> dict[str, float]:
    """By layer: by how much its rounding moves the lead of a picture's first answer over its second, in the network's
    own figures. NaN where that is not a number.

    To first order, and for all layers in one run forward and back: the error that rounding adds to a layer's answer,
    times the lead's gradient with respect to that answer. Raises RuntimeError for a network that has no gradient.
    """
    moved: dict[str, list[Tensor]] = {name: [] for name in layers}
    size = 0

    def watch(name: str, layer: RoundedLayer) -> Callable[..., None]:
        def ran(_module: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> None:
            with torch.no_grad():
                error = layer.error(given[0].detach(), answer.detach())
            hook: Any = lambda gradient: moved[name].append(by_picture(gradient * error, size))  # noqa: E731
            answer.register_hook(hook)  # type: ignore[no-untyped-call]

        return ran

    network.requires_grad_(True)
    hooks = [layer.module.register_forward_hook(watch(name, layer)) for name, layer in layers.items()]
    for batch in batches:
        size = len(batch)
        best = network(batch).sort(dim=1, descending=True).values
        lead = best[:, 0] - best[:, 1] if best.shape[1] > 1 else best[:, 0]
        lead.sum().backward()
    for hook in hooks:
        hook.remove()
    network.requires_grad_(False)
    return {name: float(torch.cat(rows).abs().mean()) if rows else 0.0 for name, rows in moved.items()}


def by_picture(values: Tensor, pictures: int) -> Tensor:
    """Sums [pictures], of a tensor whose first dimension may also count the parts of each (windows, say)."""
    return values.reshape(pictures if len(values) % pictures == 0 else 1, -1).sum(dim=1)


def worst_first(name: str, layers: Sequence[str], measure: Callable[[], Mapping[str, float]]) -> list[str]:
    """The layers by the harm that `measure` finds. Raises KitError for a network, called `name`, without a gradient."""
    try:
        return by_harm(layers, measure())
    except RuntimeError as error:
        raise KitError(
            f"int8 ruins {name}, and which layers do the harm cannot be measured, because the network has no gradient"
            f" ({reason(error)})",
            "PRECISION=fp32",
        ) from None


def by_harm(layers: Sequence[str], harm: Mapping[str, float]) -> list[str]:
    """The layers from the worst; those that do the same harm in the order they run, and first those whose harm is no
    number."""
    return sorted(layers, key=lambda layer: -harm[layer] if math.isfinite(harm[layer]) else -math.inf)


def more_and_more(ranked: Sequence[str]) -> list[Sequence[str]]:
    """The first sixteenth of them, eighth, quarter, half: at least one layer, and each more than the one before."""
    counts = {min(math.ceil(len(ranked) / share), len(ranked) // 2) for share in SHARES}
    return [ranked[:count] for count in sorted(counts - {0})]
