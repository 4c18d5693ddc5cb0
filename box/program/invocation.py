"""How this program starts itself again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import box
from box.state.paths import Paths
from common import durable


def own_file() -> Path | None:
    """The box.pyz that this is; None when it runs from the source tree."""
    place = Path(box.__file__).parent.parent
    return place if place.is_file() else None


def repair(paths: Paths) -> str:
    """Where a release's copy runs because box.pyz is not whole, put box.pyz back. A sentence on that, or ""."""
    if not (stand_in := _stand_in(paths)):
        return ""
    try:
        durable.write_changed(paths.program, stand_in.read_bytes(), 0o755)
    except OSError as error:
        return f"{paths.program} is damaged, and cannot be replaced ({error.strerror}); {stand_in} runs in its place"
    return f"{paths.program} was damaged: replaced by {stand_in}"


def _stand_in(paths: Paths) -> Path | None:
    """The release's copy of this program that runs in place of another box.pyz; None when box.pyz itself runs."""
    own = own_file()
    if own is None or not own.is_relative_to(paths.home):
        return None
    return own if durable.differs(paths.program, own.read_bytes()) else None


def command(paths: Paths) -> list[str]:
    """The installed program on a real box, so that the one in a deployer's folder may go; elsewhere, this one."""
    if paths.is_system and paths.program.is_file() and not _stand_in(paths):
        return [sys.executable, str(paths.program)]
    file = own_file()
    return [sys.executable, *([str(file)] if file else ["-m", "box"]), "--root", str(paths.root)]


def environment() -> dict[str, str]:
    """For `command`: from the source tree, Python must find the packages, and the module shared with the handlers."""
    if own_file():
        return dict(os.environ)
    tree = Path(box.__file__).parent.parent
    return dict(os.environ) | {"PYTHONPATH": f"{tree}:{tree / 'handlers'}"}
