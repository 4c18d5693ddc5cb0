"""Golden pictures: real photographs with the answers that the reference pipeline gave for them.

`export` writes them; whoever proves a server (serve, smoke, a deployment's gate) asks it for the same pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.server.answers import mismatch
from kit.files import read_json

INDEX = "golden.json"


@dataclass(frozen=True)
class Golden:
    """`expected` maps labels to probabilities, best first; `tolerance` is how far the best one may be off."""

    picture: Path
    expected: Mapping[str, float]
    tolerance: float

    @property
    def best(self) -> str:
        return next(iter(self.expected))

    def mismatch(self, answer: object) -> str:
        """What is wrong with an answer `{label: probability}`, as a sentence; "" when it is right."""
        return mismatch(self.picture.name, self.expected, self.tolerance, answer)


def load(folder: Path, hint: str) -> list[Golden]:
    """The golden pictures in a folder. Raises KitError, with `hint`, when there is no index."""
    index = read_json(folder / INDEX, hint)
    return [Golden(folder / row["file"], row["expected"], index["tolerance"]) for row in index["pictures"]]
