"""Reads a checkpoint as data: nothing in the file is ever run."""

from __future__ import annotations

import pickletools
import re
import shlex
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from common.errors import KitError
from kit.checkpoint import kinds

REFUSED = re.compile(r"[Uu]nsupported (?:global: )?GLOBAL (\w+(?:\.\w+)*)|Unsupported (?:class|operand) .*")
SETS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "module", "state_dict_ema", "model_ema")
PICKLE_HEAD = 1 << 20  # where the keys of a checkpoint stand that are strings


def read(path: Path) -> Any:
    """What is in a safetensors or a torch file, whatever its name.

    Raises KitError when it is another kind of file, is broken, or wants to run code.
    """
    return _safetensors(path) if kinds.form(path) == kinds.SAFETENSORS else _torch_file(path)


def _safetensors(path: Path) -> Any:
    try:
        return load_file(str(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise _broken(path, "a safetensors file", error) from None


def _torch_file(path: Path) -> Any:
    try:
        # The open file: torch takes a path that ends in .safetensors for such a file, whatever is in it.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a pickle's age, just before it is refused
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file raises nearly anything
        if refused := REFUSED.search(str(error)):
            raise _refusal(path, refused) from None
        raise _broken(path, "a torch checkpoint", error) from None


def _refusal(path: Path, refused: re.Match[str]) -> KitError:
    wants = f"to call {refused[1]}" if refused[1] else f"more than weights are made of ({refused[0]})"
    pickled = _pickle(path)
    whole = "it is a whole network, and " if _is_an_object(pickled) else ""
    return KitError(
        f"{path} was not loaded: {whole}its pickle wants {wants}, and loading it would run that",
        f"where the file is trusted and was made, save the weights alone:\n  {resave(path, pickled)}",
    )


def resave(path: Path, pickled: bytes) -> str:
    """The command that writes a file's weights without whatever else it holds, for the shell."""
    # A key is written as a string of its length; a checkpoint's own stand before those of its weights.
    found = {pickled.find(b"X" + len(name).to_bytes(4, "little") + name.encode()): name for name in SETS}
    at = min((place for place in found if place >= 0), default=None)
    key = "" if at is None or _is_an_object(pickled) else f"[{found[at]!r}]"
    code = (
        f"import torch; found = torch.load({path.name!r}, map_location='cpu', weights_only=False){key}; "
        "torch.save(getattr(found, 'state_dict', lambda: found)(), 'weights.pt')"
    )
    return f"python -c {shlex.quote(code)}" if '"' in code else f'python -c "{code}"'


def _pickle(path: Path) -> bytes:
    """The beginning of what a torch file pickles."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return _after_preamble(file)
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        with archive.open(name) as member:
            return member.read(PICKLE_HEAD)


def _after_preamble(file: BinaryIO) -> bytes:
    """What follows the three pickles (a magic number, a version, the machine) that open a torch file of before 1.6."""
    try:
        for _ in range(3):
            for _operation in pickletools.genops(file):
                pass
    except Exception:  # not a torch file, and its pickle may be of any kind
        file.seek(0)
    return file.read(PICKLE_HEAD)


def _is_an_object(pickled: bytes) -> bool:
    """Whether the first thing in a pickle is an object of some class, as a whole network is, and no dictionary.

    Torch before 1.6 wrote a network's class with its source, in a tuple that begins with "module".
    """
    first = pickled[2:]
    return first.startswith((b"c", b"(X\x06\x00\x00\x00module")) and not first.startswith(b"ccollections\n")


def _broken(path: Path, kind: str, error: Exception) -> KitError:
    said = str(error).strip().splitlines()
    reason = f"{type(error).__name__}: {said[0] if said else 'the file ends too early'}"
    return KitError(f"{path} cannot be read as {kind}: {reason[:200]}", kinds.AGAIN)
