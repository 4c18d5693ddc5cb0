"""Reads a checkpoint as data: nothing in the file is ever run."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from kit.errors import KitError

WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")  # DataParallel, torch.compile
REFUSED = re.compile(r"[Uu]nsupported (?:global: )?GLOBAL (\w+(?:\.\w+)*)|Unsupported (?:class|operand) .*")
SAVE_A_STATE_DICT = (
    "where the file was made and is trusted, save the weights alone: "
    "torch.save(model.state_dict(), 'weights.pt'), or safetensors.torch.save_file"
)
# Densenet weights of before torch 0.4 are named "denselayer1.norm.1.weight".
OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")


def read(path: Path) -> dict[str, Tensor]:
    """The state dict in a .safetensors or a torch file: float32 on the CPU, plain names.

    Raises KitError when the file is broken or wants to run code.
    """
    if path.stat().st_size == 0:
        raise KitError(f"the weights {path} are an empty file", "copy or download them again")
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch_file(path)
    state = _unwrapped(content, path)
    state = {OLD_DENSENET.sub(r"\1\2", name): value for name, value in _without_prefixes(state).items()}
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        content: dict[str, Tensor] = load_file(str(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise _broken(path, "a safetensors file", error) from None
    return content


def _torch_file(path: Path) -> Any:
    if _is_torchscript(path):
        raise KitError(f"{path} is a TorchScript program, not weights", SAVE_A_STATE_DICT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a pickle's age, just before it is refused
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file raises nearly anything
        if refused := REFUSED.search(str(error)):
            wants = f"to call {refused[1]}" if refused[1] else f"more than weights are made of ({refused[0]})"
            raise KitError(f"{path} was not loaded: its pickle wants {wants}", SAVE_A_STATE_DICT) from None
        raise _broken(path, "a torch checkpoint", error) from None


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _broken(path: Path, kind: str, error: Exception) -> KitError:
    said = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {said[0] if said else 'the file ends too early'}"
    return KitError(f"{path} cannot be read as {kind}: {reason[:200]}", "copy or download it again")


def _unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if isinstance(content, Mapping) and content and all(isinstance(value, Tensor) for value in content.values()):
        return {str(name): value for name, value in content.items()}
    held = ", ".join(map(str, list(content)[:5])) if isinstance(content, Mapping) else type(content).__name__
    raise KitError(f"{path} holds no state dict (it holds: {held or 'nothing'})", SAVE_A_STATE_DICT)


def _without_prefixes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state
