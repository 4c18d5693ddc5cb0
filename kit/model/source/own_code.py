"""The user's own Python file as an architecture: running it, and saying what went wrong in their terms."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from common.errors import KitError, UsageError

FORMS = "ARCH=<file.py>:<function that returns the network>"
RUNNING = "running the network"
OWN_REQUIREMENTS = "requirements/own.txt"  # what scripts/setup.py installs beside what is pinned


@contextmanager
def blamed_on(file: Path, doing: str) -> Iterator[None]:
    """Turns whatever the user's code raises into a message with the file, the line and the error's own words."""
    try:
        yield
    except KitError:
        raise
    except SyntaxError as error:
        where = f"line {error.lineno}" if error.lineno else "an unknown line"
        whose = Path(error.filename).name if error.filename else file.name
        raise KitError(
            f"{file.with_name(whose)}, {where}: {type(error).__name__}: {error.msg}", f"fix {whose}"
        ) from None
    except (Exception, SystemExit) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        where = f", line {frames[-1].lineno}, in {frames[-1].name}" if frames else ""
        what = f"{type(error).__name__}: {error}".strip().rstrip(":")
        raise KitError(f"{file}{where}: {what} (while {doing})", _mend(error, file, doing)) from None


def _mend(error: BaseException, file: Path, doing: str) -> str:
    """What to do about an error: it is not always the file that is at fault."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return (
            f"if that is a package's, `echo {package} >> {OWN_REQUIREMENTS}` and repeat: set-up installs what it names"
        )
    if isinstance(error, ImportError) and "relative import" in str(error):
        return (
            f"put an empty __init__.py beside {file.name}, so that its folder is a package, or import without the dot"
        )
    if doing == RUNNING:
        says = '"channels": 1' if "1 channel" in str(error) else '"crop"'
        return f"if the network is made for other pictures, say so in PREPROCESSING ({says}); else fix {file.name}"
    return f"fix {file.name}"


def function(reference: str) -> tuple[Path, str, Callable[..., Any]]:
    """`net.py:make` → the file, "make", and what makes the network: a function, a class, a partial, or the network.

    Raises UsageError when the file or the name does not exist, or when it needs more than a number of classes.
    """
    path, _, wanted = reference.rpartition(":")
    file = Path(path).resolve()
    if not file.is_file():
        raise UsageError(f"ARCH={reference}: {file} does not exist", FORMS)
    with blamed_on(file, "importing it"):
        found = getattr(_imported(file), wanted, None)
    if isinstance(found, nn.Module):
        network = found
        return file, wanted, lambda: network
    if not callable(found):
        raise UsageError(f"ARCH={reference}: {file.name} has no function {wanted!r}", FORMS)
    if others := [name for name in _required(found) if name != "num_classes"]:
        raise UsageError(
            f"ARCH={reference}: {wanted} needs {', '.join(others)}, and is given num_classes at most",
            f"add a function to {file.name} that gives it the rest, "
            f"say: def make(num_classes): return {wanted}(num_classes=num_classes, {others[0]}=…)",
        )
    return file, wanted, found


def _imported(file: Path) -> ModuleType:
    """The file as a module: of its package, where its folder is one, so that it may import its neighbours."""
    packages: list[str] = []
    folder = file.parent
    while (folder / "__init__.py").is_file():
        packages.insert(0, folder.name)
        folder = folder.parent
    sys.path.insert(0, str(folder))
    if packages and _is_free(packages[0], folder):
        return importlib.import_module(".".join([*packages, file.stem]))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"ARCH: {file} is not a Python file", FORMS)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(file.stem, module)
    spec.loader.exec_module(module)
    return module


def _is_free(package: str, folder: Path) -> bool:
    """Whether no other package of that name is imported, one of the kit's own, say."""
    known = sys.modules.get(package)
    return known is None or known.__file__ == str(folder / package / "__init__.py")


def _required(build: Callable[..., Any]) -> list[str]:
    """The parameters without a default."""
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = _parameters(build).items()
    return [name for name, parameter in found if parameter.kind in named and parameter.default is parameter.empty]


def takes_classes(build: Callable[..., Any]) -> bool:
    return "num_classes" in _parameters(build)


def _parameters(build: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(build).parameters)
    except (TypeError, ValueError):  # a callable without a signature
        return {}
