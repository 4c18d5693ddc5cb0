"""The pictures a model is checked on: a folder of photographs, in folders named by label where that is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from kit.errors import KitError, UsageError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True)
class Picture:
    """`label` is None for a photograph nobody named."""

    file: Path
    label: str | None

    def open(self) -> Image.Image:
        """RGB. Raises KitError when the file is no picture."""
        try:
            with Image.open(self.file) as opened:
                return opened.convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise KitError(f"{self.file} is no readable picture: {error}", "remove it from PICTURES") from None


def find(folder: Path, labels: Sequence[str]) -> list[Picture]:
    """The pictures below `folder`, sorted; labelled when they lie in folders all named like the model's labels."""
    if not folder.is_dir():
        raise UsageError(f"PICTURES={folder} is no folder", "PICTURES=<a folder of photographs>")
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    files = sorted(found, key=lambda path: path.relative_to(folder).parts)
    if not files:
        raise UsageError(f"there is no picture in {folder}", f"put some there ({', '.join(SUFFIXES)})")
    named = all(len(path.relative_to(folder).parts) == 2 and path.parent.name in set(labels) for path in files)
    return [Picture(path, path.parent.name if named else None) for path in files]


def batches(pictures: Sequence[Picture], size: int) -> Iterator[Sequence[Picture]]:
    for start in range(0, len(pictures), size):
        yield pictures[start : start + size]


def some(pictures: Sequence[Picture], most: int) -> Sequence[Picture]:
    """At most so many of them, spread evenly over all."""
    if len(pictures) <= most:
        return pictures
    return [pictures[index * len(pictures) // most] for index in range(most)]
