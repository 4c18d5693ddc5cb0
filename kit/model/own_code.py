"""The user's own Python file as an architecture: running it, and saying what went wrong in their terms."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.errors import KitError, UsageError


@contextmanager
def blamed_on(file: Path, doing: str) -> Iterator[None]:
    """Turns whatever the user's code raises into one sentence with the file and the line."""
    try:
        yield
    except KitError:
        raise
    except SyntaxError as error:
        where = f"line {error.lineno}" if error.lineno else "an unknown line"
        raise KitError(f"{file}, {where}: {type(error).__name__}: {error.msg}", f"mend {file.name}") from None
    except (Exception, SystemExit) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        where = f", line {frames[-1].lineno}, in {frames[-1].name}" if frames else ""
        said = str(error).strip().splitlines()
        what = f"{type(error).__name__}: {said[-1] if said else ''}".rstrip(": ")
        raise KitError(f"{file}{where}: {what} (while {doing})", f"mend {file.name}") from None


def function(reference: str) -> tuple[Path, Callable[..., Any]]:
    """`net.py:make` → the file and its function. Raises UsageError when either is not there."""
    name, _, wanted = reference.rpartition(":")
    file = Path(name).resolve()
    if not file.is_file():
        raise UsageError(f"ARCH={reference}: {file} is not there", "ARCH=<file.py>:<function that returns the network>")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"ARCH={reference}: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent))  # its neighbours, as when it is run
    sys.modules.setdefault(file.stem, module)
    with blamed_on(file, "importing it"):
        spec.loader.exec_module(module)
    found = getattr(module, wanted, None)
    if not callable(found):
        raise UsageError(f"ARCH={reference}: {file.name} has no function {wanted!r}")
    return file, found


def takes_classes(build: Callable[..., Any]) -> bool:
    try:
        return "num_classes" in inspect.signature(build).parameters
    except (TypeError, ValueError):  # a callable without a signature
        return False
