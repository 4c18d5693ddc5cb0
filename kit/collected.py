"""Pictures that servers kept, in folders for a person to sort: one for each answer, to be given back as PICTURES= or
CALIBRATION= once they lie in the right ones.

What was brought is remembered, so that a picture that was moved, or thrown away, does not come again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.samples import Sample
from kit.files import write_bytes

BROUGHT = ".brought"


class Collection:
    """`folder`: readable by its user alone, as the pictures in it are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        list_of_brought = folder / BROUGHT
        self._brought = set(list_of_brought.read_text("utf-8").split("\n") if list_of_brought.exists() else ())
        self.added = 0

    def wanted(self, server: str, samples: Sequence[Sample]) -> list[Sample]:
        """Of a server's samples those that were never brought, each picture once."""
        new = {_known_by(server, one): one for one in samples if _known_by(server, one) not in self._brought}
        return list(new.values())

    def add(self, server: str, sample: Sample, content: bytes) -> None:
        """Into the folder of the answer that it got."""
        label = sample.label.replace("/", "_").lstrip(".") or "_"
        folder = self.folder / label
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{sample.confidence:.2f}_{_plain(server)}_{sample.when}_{sample.sha256}{sample.ending}"
        write_bytes(folder / name, content, mode=0o600)
        known_by = _known_by(server, sample)
        with (self.folder / BROUGHT).open("a", encoding="utf-8") as file:
            file.write(f"{known_by}\n")
        self._brought.add(known_by)
        self.added += 1


def _known_by(server: str, sample: Sample) -> str:
    return f"{server} {sample.sha256}"


def _plain(server: str) -> str:
    return server.replace("/", "_").replace(":", "-")
