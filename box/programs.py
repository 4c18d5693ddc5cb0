"""How this program starts itself again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import box
from box.paths import Paths


def own_file() -> Path | None:
    """The box.pyz that this is; None when it runs from the source tree."""
    place = Path(box.__file__).parent.parent
    return place if place.is_file() else None


def command(paths: Paths) -> list[str]:
    """The installed program on a real box, so that the one in a deployer's folder may go; elsewhere, this one."""
    if paths.is_system and paths.program.is_file():
        return [sys.executable, str(paths.program)]
    file = own_file()
    return [sys.executable, *([str(file)] if file else ["-m", "box"]), "--root", str(paths.root)]


def environment() -> dict[str, str]:
    """For `command`: from the source tree, Python must find the package."""
    if own_file():
        return dict(os.environ)
    return dict(os.environ) | {"PYTHONPATH": str(Path(box.__file__).parent.parent)}
