"""The pictures that a server has kept for people to label (handlers/samples.py writes them), and their end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

VARIABLE = "VISION_SAMPLES"  # where the server's workers find the folder


@dataclass(frozen=True)
class Sample:
    """`path` below the samples' folder; what the model took it for, and how sure it was of that; when it came, UTC."""

    path: str
    label: str
    confidence: float
    when: str
    sha256: str
    bytes: int

    @property
    def ending(self) -> str:
        return Path(self.path).suffix


def listed(folder: Path) -> list[Sample]:
    """All of them; what is not named like one is left out."""
    return sorted(_found(folder), key=lambda one: (one.when, one.path))


def _found(folder: Path) -> Iterator[Sample]:
    for path in folder.glob("*/*/*_*_*_*_*.*"):
        _, confidence, when, digest, label = path.stem.split("_", 4)
        try:
            size, sure = path.stat().st_size, float(confidence)
        except (OSError, ValueError):
            continue
        yield Sample(str(path.relative_to(folder)), unquote(label), sure, when, digest, size)


def expire(folder: Path, now: float) -> None:
    """Remove the days whose pictures have to be gone; what cannot be is tried again with the next."""
    if not folder.is_dir():
        return
    today = time.strftime("%Y-%m-%d", time.gmtime(now))
    for day in folder.iterdir():
        if day.name < today:
            shutil.rmtree(day, ignore_errors=True)
