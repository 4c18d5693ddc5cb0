"""Every call to PyTorch Mobile: its optimizer, and the lite interpreter's files and loader."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.jit import mobile

from kit.model.deprecated import torchscript

FROZEN = "frozen (batch norms folded); no optimize_for_mobile, since this torch is built without XNNPACK"
OPTIMIZED = "optimize_for_mobile (XNNPACK)"


def optimized(module: torch.jit.ScriptModule) -> tuple[torch.jit.ScriptModule, str]:
    """The module as torch optimizes it for phones where it can, and what was done to it in words.

    A torch without XNNPACK (PyPI's 2.14.1) answers optimize_for_mobile with an internal assert, whatever passes are
    asked for, so it is not asked.
    """
    if not torch._C._is_xnnpack_enabled():
        return module, FROZEN
    from torch.utils.mobile_optimizer import optimize_for_mobile

    return optimize_for_mobile(module), OPTIMIZED


def save(module: torch.jit.ScriptModule, path: Path, engine: str = "") -> str:
    """Write `module` for the lite interpreter, the same bytes for the same module; returns what was done to it.

    Names of classes count up within a process and debug records hold paths. So the module goes through a TorchScript
    file first, in which torchscript.save has put both right.
    """
    made, how = optimized(module)
    canonical = path.with_name(f"{path.name}.torchscript")
    try:
        torchscript.save(made, canonical, engine)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            written = torchscript.load(canonical)._save_to_buffer_for_lite_interpreter()
    finally:
        canonical.unlink(missing_ok=True)
    path.write_bytes(written)
    return how


def load(path: Path) -> Callable[[Tensor], Tensor]:
    """The lite interpreter's own loader. An int8 file wants its engine set already (torchscript.use_engine)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = mobile._load_for_lite_interpreter(io.BytesIO(path.read_bytes()))  # type: ignore[no-untyped-call]
    return cast(Callable[[Tensor], Tensor], loaded)


def bytecode_version(path: Path) -> int:
    """What a phone's PyTorch Mobile has to understand."""
    return int(mobile._get_model_bytecode_version(str(path)))


def operators(path: Path) -> list[str]:
    """The operators that a phone's PyTorch Mobile has to have."""
    return sorted(mobile._get_model_ops_and_info(str(path)))  # type: ignore[no-untyped-call]
