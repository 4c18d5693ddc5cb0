"""Damaged and crafted pictures for the decoder, with what each costs: an exception, a second or 300 MB is a finding.

make fuzz                     10 minutes, from another seed each time; findings are kept in tests/handlers/corpus
make fuzz DURATION=60 SEED=7
"""

from __future__ import annotations

import io
import os
import random
import struct
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from input_error import InputError
from kit.build import PROJECT
from picture_decoder import PictureDecoder

# Small files that cost too much once, from which others are made. A finding is large more often than not: made small,
# or in a line of test_handler_cost.py, it stays.
CORPUS = Path(__file__).with_name("corpus")
FOUND = PROJECT / "build" / "fuzz"
DECODER = PictureDecoder(256, 224, Image.Resampling.BILINEAR, 50_000_000)
MOST_SECONDS, MOST_MEGABYTES = 1.0, 300.0
LARGEST = 16_000_000  # bytes of a file
NUMBERS = (0, 1, 2, 255, 256, 4096, 32767, 32768, 65535, 50_000_000, 2**31 - 1, 2**31, 2**32 - 1)
WAYS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("JPEG", "RGB", {}),
    ("JPEG", "CMYK", {"progressive": True}),
    ("MPO", "RGB", {"save_all": True, "append_images": [Image.new("RGB", (64, 48))]}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("PNG", "I;16", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("WEBP", "RGB", {"exif": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"}),
    ("AVIF", "RGB", {"speed": 10}),
    ("BMP", "P", {}),
    ("BMP", "RGB", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "L", {"compression": "jpeg"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "CMYK", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", "I;16", {}),
    ("GIF", "P", {"save_all": True, "append_images": [Image.new("P", (64, 48))]}),
)


@dataclass(frozen=True)
class Cost:
    """Processor time, the memory that decoding took at its peak, and what was raised that should not have been."""

    seconds: float
    megabytes: float
    raised: str = ""

    @property
    def is_a_finding(self) -> bool:
        return bool(self.raised) or self.seconds > MOST_SECONDS or self.megabytes > MOST_MEGABYTES


def cost(data: bytes) -> Cost:
    """Of decoding a file in this process."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory is counted again
    before, begun, raised = _megabytes("VmRSS"), time.process_time(), ""
    with _silent():
        try:
            DECODER.decode(data)
        except InputError:
            pass
        except BaseException:
            raised = traceback.format_exc()
    return Cost(time.process_time() - begun, _megabytes("VmHWM") - before, raised)


@contextmanager
def _silent() -> Iterator[None]:
    """Without what libtiff and libjpeg print of each damaged file."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _megabytes(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1000


def originals() -> list[bytes]:
    """A small file of every kind, and the corpus."""
    gradient = Image.linear_gradient("L").resize((64, 48))
    picture = Image.merge("RGB", (gradient, gradient.rotate(180), gradient.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    made = []
    for kind, mode, options in WAYS:
        file = io.BytesIO()
        (Image.new(mode, (64, 48), 7) if mode == "I;16" else picture.convert(mode)).save(file, kind, **options)
        made.append(file.getvalue())
    return made + [path.read_bytes() for path in sorted(CORPUS.iterdir())]


def damaged(originals: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Without end: bytes and numbers changed, parts repeated thousands of times, doubled, cut out, and swapped."""
    while True:
        data = bytearray(chance.choice(originals))
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            # Headers decide most, so half of the damage goes there.
            at = chance.randrange(min(len(data), chance.choice((160, len(data)))))
            size = chance.choice((1, 2, 4, 8, 12, 20, 64))
            match chance.randrange(6):
                case 0:
                    data[at : at + size] = chance.randbytes(size)
                case 1:
                    order, width = chance.choice("<>"), chance.choice("HI")
                    number = struct.pack(f"{order}I", chance.choice(NUMBERS))
                    data[at : at + (2 if width == "H" else 4)] = number[:2] if width == "H" else number
                case 2:
                    times = chance.choice((2, 100, 10_000, 1_000_000))
                    data[at : at + size] = data[at : at + size] * min(times, LARGEST // size // 2)
                case 3:
                    del data[at : at + size]
                case 4:
                    other = chance.choice(originals)
                    data[at:at] = other[: chance.randrange(len(other))]
                case 5:
                    del data[max(at, 16) :]
            del data[LARGEST:]
            data = data or bytearray(16)
        yield bytes(data)


def main() -> int:
    seconds, seed = float(os.environ.get("DURATION") or 600), os.environ.get("SEED") or str(time.time_ns())
    print(f"seed {seed}, {seconds:.0f} s")
    ends, tried, found = time.monotonic() + seconds, 0, 0
    dearest = longest = Cost(0, 0)
    for data in damaged(originals(), random.Random(seed)):  # noqa: S311
        if time.monotonic() > ends:
            break
        spent = cost(data)
        tried += 1
        longest = max(longest, spent, key=lambda one: one.seconds)
        dearest = max(dearest, spent, key=lambda one: one.megabytes)
        if spent.is_a_finding:
            found += 1
            kept = FOUND / sha256(data).hexdigest()[:12]
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(data)
            print(f"{kept.name}: {len(data):,} bytes, {spent.seconds:.2f} s, {spent.megabytes:.0f} MB\n{spent.raised}")
    print(
        f"{tried:,} files, {found} findings; the longest {longest.seconds:.2f} s, the most {dearest.megabytes:.0f} MB"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
