"""Every call to TorchScript, and nothing else.

A quantized model works with one engine of torch only, and torch packs its weights for whichever engine is set
while it is loaded. So model.pt carries its engine's name, as one of TorchScript's extra files.

`save` writes the same bytes for the same module, whatever the folder, the file's name, and whatever was
traced before in the process. What torch.jit.save writes carries the paths of the source files (debug records),
the file's name, and counters in the names of classes; they are taken out.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import torch
from torch import Tensor, nn

from common.errors import KitError

DEPRECATED = r".?torch\.jit\.\w+.? is deprecated"
DEBUG_RECORD = ".debug_pkl"
WRITTEN_BY_THE_WRITER = ("version", "byteorder", ".data/serialization_id")
ENGINE = "extra/quantized_engine"
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


def save_plain_trace(module: nn.Module, example: Tensor, path: Path) -> Tensor:
    """Trace and save as TorchServe's examples do, unfrozen; what the trace answers to `example`."""
    with _quiet(), torch.inference_mode():
        traced = torch.jit.trace(module, example)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, path)
        answer: Tensor = traced(example)
    return answer


def load(file: Path | BinaryIO) -> torch.jit.ScriptModule:
    """A saved module, on the CPU, in evaluation mode; its engine, if it has one, is the process's from here on.

    Raises KitError when this torch was built without that engine.
    """
    if engine := engine_of(file):
        use_engine(engine)
    with _quiet():
        loaded = torch.jit.load(  # type: ignore[no-untyped-call]
            str(file) if isinstance(file, Path) else file, map_location="cpu"
        )
        return cast(torch.jit.ScriptModule, loaded.eval())


def engine_of(file: Path | BinaryIO) -> str:
    """The quantized engine that a saved module is for, "" when it is not quantized."""
    with zipfile.ZipFile(file) as opened:
        names = [name for name in opened.namelist() if name.endswith(f"/{ENGINE}")]
        engine = opened.read(names[0]).decode() if names else ""
    if not isinstance(file, Path):
        file.seek(0)
    return engine


def use_engine(engine: str) -> None:
    supported = torch.backends.quantized.supported_engines
    if engine not in supported:
        raise KitError(
            f"the int8 model is for the engine {engine}; torch has {', '.join(supported)} here",
            "name the machine it is for: PLATFORM=linux_x86_64 or PLATFORM=linux_aarch64",
        )
    torch.backends.quantized.engine = engine
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.quint8)  # its warning comes once, and not to stderr


def save(module: torch.jit.ScriptModule, path: Path, engine: str = "") -> None:
    """Write `module` to `path`, reproducibly. `engine` is the one a quantized module was made for."""
    written = io.BytesIO()
    with _quiet():
        torch.jit.save(module, written)
    written.seek(0)
    reader = torch._C.PyTorchFileReader(written)
    records = [name for name in reader.get_all_records() if not name.endswith(DEBUG_RECORD)]
    records = [name for name in records if name not in WRITTEN_BY_THE_WRITER]
    texts = {name: reader.get_record(name) for name in records if name.startswith("code/") or name == "data.pkl"}
    canonical = _CanonicalNames(texts)
    made = io.BytesIO()  # not the file itself: torch's writer ends the whole process when a disk is full
    writer = torch._C.PyTorchFileWriter(made)
    for name in records:
        content = canonical(texts[name]) if name in texts else reader.get_record(name)
        writer.write_record(canonical(name.encode()).decode(), content, len(content))
    if engine:
        writer.write_record(ENGINE, engine.encode(), len(engine))
    writer.write_end_of_file()
    path.write_bytes(made.getbuffer())


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
