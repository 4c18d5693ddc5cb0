"""A file for phones opened by the runtime that its ending asks for."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from common.errors import KitError
from common.words import reason
from kit.mobile.formats import onnx_file, pte
from kit.mobile.formats.choice import PhoneTarget
from kit.mobile.formats.signature import Loaded

PACKAGES = {"pte": "executorch", "ptl": "torch", "onnx": "onnxruntime"}


def load(path: Path, precision: str, threads: int = 0) -> Loaded:
    """`threads`: 0 leaves torch's and ExecuTorch's, which are the process's, as they are. Raises KitError for a file
    that its runtime cannot load; so does what is returned for one that it cannot run."""
    others = " or ".join(f"FORMAT={name}" for name in PACKAGES if f".{name}" != path.suffix)
    try:
        loaded = _load(path, precision, threads)
    except KitError:
        raise
    except Exception as error:  # each runtime has its own
        raise KitError(f"{path.name} was made, but its runtime cannot load it ({reason(error)})", others) from None

    def run(picture: Tensor) -> Tensor:
        try:
            return loaded.run(picture)
        except Exception as error:
            raise KitError(f"{path.name} loads, but its runtime cannot run it ({reason(error)})", others) from None

    return replace(loaded, run=run)


def _load(path: Path, precision: str, threads: int) -> Loaded:
    if path.suffix == ".pte":
        if threads:
            pte.set_threads(threads)
        return pte.load(path)
    if path.suffix == ".onnx":
        return onnx_file.load(path, threads)
    from kit.mobile.formats import ptl

    return ptl.load(path, ptl.ENGINE if precision == "int8" else "")


def name_and_version(format_name: str) -> dict[str, str]:
    package = PACKAGES[format_name]
    return {"name": package, "version": version(package)}


def require(target: PhoneTarget) -> None:
    """Raises KitError when a package that makes or runs the format is not installed here."""
    missing = [package for package in target.format.needs if importlib.util.find_spec(package) is None]
    if missing:
        raise KitError(
            f"{target.format.title} needs {' and '.join(missing)}, and this Python has no such package",
            "make mobile, which sets up .venv-mobile (x86-64 only); or FORMAT=ptl, which needs torch alone",
        )
