"""A share of the pictures that were answered, left for who asks another version of the model about them.

Only where whoever started the server says where (VISION_SHADOW): <model>.json there says which version is compared, and
how often; the folder <model> takes the pictures, each behind a line of JSON: what was answered, how sure, in how many
seconds. Who compares takes them away. While MOST wait, no more are left: no client waits for a comparison, and no disk
fills.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, time_ns

VARIABLE = "VISION_SHADOW"
ENDING = ".picture"
MOST = 32
LOOK_SECONDS = 1.0


class Shadow:
    """A worker's, of one version of a model. Without a folder nothing is left anywhere."""

    def __init__(self, model: str, version: str, environment: Mapping[str, str] = os.environ) -> None:
        folder = environment.get(VARIABLE)
        self._top = Path(folder) / model if folder else None
        self._version = version
        self._share, self._looked = 0.0, -math.inf

    def offer(self, picture: bytes, label: str, confidence: float, seconds: float) -> None:
        """One that was answered. What goes wrong is no client's matter, and who compares sees that none come."""
        if self._top is None:
            return
        if monotonic() - self._looked >= LOOK_SECONDS:
            self._share, self._looked = self._wanted(self._top.with_name(f"{self._top.name}.json")), monotonic()
        if random.random() < self._share:  # noqa: S311 - a sample, no secret
            head = {"label": label, "confidence": confidence, "seconds": seconds}
            try:
                _leave(self._top, json.dumps(head).encode() + b"\n" + picture)
            except OSError:
                return

    def _wanted(self, settings: Path) -> float:
        """The share of this version's pictures, 0 to 1."""
        try:
            told = json.loads(settings.read_text(encoding="utf-8"))
            return float(told["share"]) if told["beside"] == self._version else 0.0
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0


def _leave(folder: Path, content: bytes) -> None:
    """For its owner alone. Beside, then renamed: a name without the ending is nobody's picture."""
    if sum(1 for _ in folder.iterdir()) >= MOST:
        return
    beside = folder / f".{os.getpid()}"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(folder / f"{time_ns():020}-{os.getpid()}{ENDING}")
