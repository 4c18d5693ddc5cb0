"""What decoding a file would take, read from its header before Pillow does any of it.

The figures were measured with Pillow 13 on one core of an AMD EPYC (Zen 3): with them no file of up to 16 MB keeps a
worker for much over a second, or takes more than some 400 MB (`make fuzz` looks for others).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import tiff_directory as tags
from input_error import InputError
from jpeg_segments import MOST_SCANNED, START_OF_SCAN
from tiff_directory import directory

# Less than the settings' 50 megapixels for formats whose decoders hold the picture several times over.
MOST_PIXELS = {"WEBP": 20_000_000, "AVIF": 32_000_000}
MOST_BYTES = 200_000_000  # decoded: 50 megapixels with 8-bit colours and transparency, 25 with 16-bit ones

# A tile may be larger than the picture in it, and is decoded whole.
USUAL_TILE = 1024 * 1024
MOST_TILE_TO_PICTURE = 4
IHDR_AT = 16
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a PNG, by its colour type

JPEG_IN_TIFF = (6, 7)
IN_PLANES, WHITE_IS_ZERO = 2, 0

# Pillow decodes runs in Python, some 6 megapixels a second of long ones; of short ones, or ones that lie outside the
# picture, 2.5 MB.
RUN_LENGTH = (1, 2)
MOST_RUN_LENGTH_PIXELS, MOST_RUN_LENGTH_BYTES = 4_000_000, 1_500_000


@dataclass(frozen=True)
class TiffPixels:
    """What Pillow leaves to whoever reads 16-bit grays."""

    bits: int = 16
    white_is_zero: bool = False


def pixels(kind: str, setting: int) -> int:
    """The most width × height of a picture of that kind, where the settings allow `setting`."""
    return min(setting, MOST_PIXELS.get(kind, setting))


def check_png(data: bytes) -> None:
    """Raises InputError (413) for more bytes of pixels than 8-bit colours would have."""
    width, height, bits, colours = struct.unpack_from(">IIBB", data, IHDR_AT)
    _check_bytes("PNG", width * height * bits * CHANNELS.get(colours, 1) // 8)


def _check_bytes(kind: str, size: int) -> None:
    if size > MOST_BYTES:
        raise InputError(
            413, f"The {kind} picture takes {size} bytes decoded, more than {MOST_BYTES}; send a smaller one."
        )


def tiff(data: bytes) -> TiffPixels:
    """Raises InputError for a file that asks for more than its picture (422) or that Pillow reads wrongly (415)."""
    found = directory(data)
    width, height = found.get(tags.WIDTH, 0), found.get(tags.HEIGHT, 0)
    bits = found.get(tags.BITS, 1)
    if found.asked > 2 * len(data):
        raise InputError(422, f"The TIFF picture's tags ask for {found.asked} bytes of a file of {len(data)}.")
    _check_bytes("TIFF", width * height * bits * found.get(tags.SAMPLES, 1) // 8)
    rows = min(found.get(tags.ROWS_PER_STRIP, height), height)
    tile = found.get(tags.TILE_WIDTH, width) * found.get(tags.TILE_HEIGHT, rows)
    if tile > max(MOST_TILE_TO_PICTURE * width * height, USUAL_TILE):
        raise InputError(422, f"The TIFF picture has {width} x {height} pixels and a tile of {tile}; save it again.")
    if found.get(tags.COMPRESSION, 1) in JPEG_IN_TIFF and data.count(START_OF_SCAN) * tile > MOST_SCANNED:
        raise InputError(422, "The TIFF picture has more JPEG scans than any program writes; save it again.")
    if found.get(tags.PLANAR, 1) == IN_PLANES and found.get(tags.SAMPLES, 1) > 1 and bits > 8:
        raise InputError(415, f"The TIFF picture has {bits}-bit colours in planes; save it with 8 bits, or as a PNG.")
    return TiffPixels(bits, found.get(tags.PHOTOMETRIC, 1) == WHITE_IS_ZERO)


def check_bmp(data: bytes) -> None:
    """Raises InputError (413) for a run-length-coded picture that would keep a worker busy."""
    header = struct.unpack_from("<I", data, 14)[0]
    if header < 40:
        return  # OS/2's, which has no runs
    width, height = struct.unpack_from("<ii", data, 18)
    compression = struct.unpack_from("<I", data, 30)[0]
    if compression in RUN_LENGTH and abs(width * height) > MOST_RUN_LENGTH_PIXELS:
        raise InputError(
            413,
            f"The BMP picture is run-length coded and has {width} x {abs(height)} pixels, more than the "
            f"{MOST_RUN_LENGTH_PIXELS} this server takes of such; save it as PNG.",
        )
    if compression in RUN_LENGTH and len(data) > MOST_RUN_LENGTH_BYTES:
        raise InputError(
            413,
            f"The BMP picture is run-length coded and has {len(data)} bytes, more than the {MOST_RUN_LENGTH_BYTES} "
            "this server takes of such; save it as PNG.",
        )
