"""PyTorch Mobile: traced, optimized where this torch can, saved for the lite interpreter and loaded by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from common.errors import KitError
from kit.mobile.formats.signature import Loaded
from kit.model.deprecated import lite, torchscript

ENGINE = "qnnpack"  # the int8 kernels of ARM phones; torch on x86-64 has them too, so the file runs here as there


def build(model: nn.Module, example: Tensor, path: Path, engine: str) -> dict[str, Any]:
    """Write `path`; returns what the card says of the file. Raises KitError for a network that cannot be traced."""
    try:
        traced = torchscript.trace(model, example)
    except RuntimeError as error:
        raise KitError(f"the network cannot be traced: {str(error).strip()[:300]}") from None
    how = lite.save(traced, path, engine)
    return {
        "optimization": how,
        "quantized_engine": engine,
        "bytecode_version": lite.bytecode_version(path),
        "operators": lite.operators(path),
    }


def load(path: Path, engine: str) -> Loaded:
    if engine:
        torchscript.use_engine(engine)
    return Loaded(lite.load(path))
