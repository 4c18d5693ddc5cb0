"""What goes into a file and what comes out, as its own runtime tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Port:
    """One input or output. `name` is "" where a format has none."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def document(self) -> dict[str, Any]:
        return {"name": self.name, "shape": list(self.shape), "dtype": self.dtype}


@dataclass(frozen=True)
class Loaded:
    """A file opened by its own runtime: `run` takes the input as torch holds it and gives the probabilities.

    `input` and `output` are None where a file does not say (PyTorch Mobile's do not).
    """

    run: Callable[[Tensor], Tensor]
    input: Port | None = None
    output: Port | None = None
