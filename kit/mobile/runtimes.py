"""A file for phones opened by the runtime that its ending asks for."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from pathlib import Path

from kit.errors import KitError
from kit.mobile import onnx_file, pte, ptl
from kit.mobile.choice import Target
from kit.mobile.signature import Loaded

PACKAGES = {"pte": "executorch", "ptl": "torch", "onnx": "onnxruntime"}


def load(path: Path, precision: str, threads: int = 0) -> Loaded:
    """`threads`: 0 leaves torch's and ExecuTorch's, which are the process's, as they are."""
    if path.suffix == ".pte":
        if threads:
            pte.set_threads(threads)
        return pte.load(path)
    if path.suffix == ".onnx":
        return onnx_file.load(path, threads)
    return ptl.load(path, ptl.ENGINE if precision == "int8" else "")


def name_and_version(format_name: str) -> dict[str, str]:
    package = PACKAGES[format_name]
    return {"name": package, "version": version(package)}


def require(target: Target) -> None:
    """Raises KitError when a package that makes or runs the format is not installed here."""
    missing = [package for package in target.format.needs if importlib.util.find_spec(package) is None]
    if missing:
        raise KitError(
            f"{target.format.title} needs {' and '.join(missing)}, and this Python has no such package",
            "make mobile, which sets up .venv-mobile (x86-64 only); or FORMAT=ptl, which needs torch alone",
        )
