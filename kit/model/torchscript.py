"""Every call to TorchScript, and nothing else: it is deprecated, and the day it goes this file changes.

`save` writes the same bytes for the same module, whatever the folder, the file's name, and whatever was
traced before in the process. What torch.jit.save writes carries the paths of the source files (debug records),
the file's name, and counters in the names of classes; they are taken out.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import torch
from torch import Tensor, nn

DEPRECATED = r".?torch\.jit\.\w+.? is deprecated"
DEBUG_RECORD = ".debug_pkl"
WRITTEN_BY_THE_WRITER = ("version", "byteorder", ".data/serialization_id")
MANGLED = re.compile(rb"[./](___torch_mangle_\d+)")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the deprecation warnings of the calls in this file, and no other warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=DEPRECATED)
        yield


def trace(module: nn.Module, example: Tensor) -> torch.jit.ScriptModule:
    """`module` as a frozen graph: weights are constants, batch norms are folded into convolutions.

    The tracer's own warnings are dropped: whether the graph is right is measured on pictures afterwards.
    """
    with _quiet(), torch.no_grad():
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        traced = torch.jit.trace(module.eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
        return cast(torch.jit.ScriptModule, torch.jit.freeze(traced.eval()))


def load(file: Path | BinaryIO) -> torch.jit.ScriptModule:
    """A saved module, on the CPU, in evaluation mode."""
    with _quiet():
        loaded = torch.jit.load(  # type: ignore[no-untyped-call]
            str(file) if isinstance(file, Path) else file, map_location="cpu"
        )
        return cast(torch.jit.ScriptModule, loaded.eval())


def save(module: torch.jit.ScriptModule, path: Path) -> None:
    """Write `module` to `path`, reproducibly."""
    written = io.BytesIO()
    with _quiet():
        torch.jit.save(module, written)
    written.seek(0)
    reader = torch._C.PyTorchFileReader(written)
    records = [name for name in reader.get_all_records() if not name.endswith(DEBUG_RECORD)]
    records = [name for name in records if name not in WRITTEN_BY_THE_WRITER]
    texts = {name: reader.get_record(name) for name in records if name.startswith("code/") or name == "data.pkl"}
    canonical = _CanonicalNames(texts)
    with path.open("wb") as file:
        writer = torch._C.PyTorchFileWriter(file)
        for name in records:
            content = canonical(texts[name]) if name in texts else reader.get_record(name)
            writer.write_record(canonical(name.encode()).decode(), content, len(content))
        writer.write_end_of_file()


class _CanonicalNames:
    """Replaces the counters in class names: dropped when there is one, numbered by appearance when more."""

    def __init__(self, texts: dict[str, bytes]) -> None:
        joined = b"\n".join(name.encode() + b"\n" + texts[name] for name in sorted(texts))
        self.seen = list(dict.fromkeys(MANGLED.findall(joined)))

    def __call__(self, text: bytes) -> bytes:
        return MANGLED.sub(self._replacement, text)

    def _replacement(self, match: re.Match[bytes]) -> bytes:
        if len(self.seen) == 1:
            return b""
        return match[0][:1] + b"___torch_mangle_%d" % self.seen.index(match[1])
