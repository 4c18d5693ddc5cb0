"""The pictures a server is asked about: real photographs, in the sizes that clients send.

The embedded model's photographs are about 350 pixels wide. Larger ones are made of them, always the same: enlarged,
with a camera's grain over them (an enlarged photograph alone is so smooth that its JPEG is too small and too quick to
decode), and saved at the quality that brings the file nearest to a usual size.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from common.errors import UsageError
from kit.build import PROJECT
from kit.files import write_bytes

EMBEDDED_PICTURES = PROJECT / "models" / "resnet18-grocery43" / "validation"
GRAIN = 4.0  # standard deviation, of 255
QUALITIES = range(60, 98)


@dataclass(frozen=True)
class Size:
    """`count` of every 20 pictures are of this size; `kilobytes` 0 stands for the photograph's own file."""

    name: str
    count: int
    width: int = 0
    height: int = 0
    kilobytes: int = 0


ORIGINAL = Size("as they are (about 350 pixels wide, 23 kB)", 8)
REFERENCE = Size("640×427, 100 kB", 8, 640, 427, 100)
TWO_MEGAPIXELS = Size("1632×1224, 600 kB", 3, 1632, 1224, 600)
TWELVE_MEGAPIXELS = Size("4000×3000, 4 MB", 1, 4000, 3000, 4000)
SIZES = (ORIGINAL, REFERENCE, TWO_MEGAPIXELS, TWELVE_MEGAPIXELS)
MIXED = "mixed"
REFERENCE_ONLY = "reference"


@dataclass(frozen=True)
class PictureSet:
    """`files` are asked for in this order, again and again, by every server alike. `description` says what they are."""

    name: str
    files: Sequence[Path]
    description: str


def choose(wanted: str, folder: Path) -> PictureSet:
    """`mixed`, `reference`, or a file of the user's own. Pictures that have to be made go into `folder`.

    Raises UsageError for anything else.
    """
    if wanted == MIXED:
        mix = "; ".join(f"{size.count * 5} % {size.name}" for size in SIZES)
        return PictureSet(MIXED, mixed(folder), f"20 photographs: {mix}")
    photographs = _photographs(1)
    if wanted == REFERENCE_ONLY:
        return PictureSet(
            REFERENCE_ONLY, [made(photographs[0], REFERENCE, folder)], f"one photograph, {REFERENCE.name}"
        )
    file = Path(wanted)
    if not file.is_file():
        raise UsageError(
            f"PICTURES={wanted} is not a file", f"PICTURES={MIXED}, PICTURES={REFERENCE_ONLY}, or a picture"
        )
    return PictureSet(file.name, [file.resolve()], f"{file.name}, {file.stat().st_size / 1000:.0f} kB")


def mixed(folder: Path) -> list[Path]:
    """Twenty files; the sizes are spread evenly, so that any stretch of them is nearly the same work."""
    photographs = iter(_photographs(sum(size.count for size in SIZES)))
    spread = [
        ((turn + 0.5) / size.count, made(photograph, size, folder) if size.kilobytes else photograph)
        for size in SIZES
        for turn, photograph in enumerate(itertools.islice(photographs, size.count))
    ]
    return [file for _, file in sorted(spread)]


def _photographs(count: int) -> list[Path]:
    """Evenly chosen from the embedded model's, so of many kinds."""
    found = sorted(EMBEDDED_PICTURES.glob("*/*.jpg"))
    return found[:: len(found) // count][:count]


def made(photograph: Path, size: Size, folder: Path) -> Path:
    """`photograph` in another size, as a file in `folder`; one that is already there is taken."""
    file = folder / f"{photograph.stem}-{size.width}x{size.height}-{size.kilobytes}kB.jpg"
    if not file.is_file():
        with Image.open(photograph) as opened:
            pixels = _grainy(ImageOps.fit(opened.convert("RGB"), (size.width, size.height)))
        write_bytes(file, _nearest(pixels, size.kilobytes * 1000))
    return file


def _grainy(picture: Image.Image) -> Image.Image:
    pixels = np.asarray(picture, np.float32)
    grain = np.random.default_rng(0).normal(0, GRAIN, pixels.shape[:2]).astype(np.float32)
    return Image.fromarray(np.clip(pixels + grain[:, :, None], 0, 255).astype(np.uint8))


def _nearest(picture: Image.Image, size: int) -> bytes:
    """The picture as a JPEG of about `size` bytes: files grow with the quality, so halving finds it."""
    low, high = QUALITIES[0], QUALITIES[-1]
    best = _jpeg(picture, high)
    while low < high:
        middle = (low + high) // 2
        candidate = _jpeg(picture, middle)
        best = min(best, candidate, key=lambda content: abs(len(content) - size))
        low, high = (middle + 1, high) if len(candidate) < size else (low, middle)
    return best


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return content.getvalue()
