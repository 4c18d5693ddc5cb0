"""The sets of weights in a checkpoint: training scripts put one, or several, beside their own state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

DEEPEST = 4
# A moving average of the weights, and a teacher made of one: the weights that were trained come first.
AVERAGED = re.compile(r"ema|swa|avg|averag|shadow|teacher|momentum", re.IGNORECASE)

Versions = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class WeightSet:
    """`key` is where in the file it stands, keys joined by dots; "" for the file itself. `beside`: what lies among the
    weights and is not a tensor. `versions`: of the modules' formats, as torch saves them with a state dict."""

    key: str
    weights: Mapping[str, Tensor]
    beside: tuple[str, ...] = ()
    versions: Versions | None = None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(value.shape) for name, value in self.weights.items()}


def find(content: Any) -> list[WeightSet]:
    """Every mapping of names to tensors in what a checkpoint holds, in the file's order."""
    return list(_below(content, ()))


def _below(content: Any, keys: tuple[str, ...]) -> Iterator[WeightSet]:
    if not isinstance(content, Mapping) or len(keys) > DEEPEST:
        return
    named = {name: value for name, value in content.items() if isinstance(name, str)}
    tensors = {name: value for name, value in named.items() if isinstance(value, Tensor)}
    if tensors:
        beside = tuple(name for name in named if name not in tensors)
        yield WeightSet(".".join(keys), tensors, beside, getattr(content, "_metadata", None))
    for name, value in named.items():
        yield from _below(value, (*keys, name))
