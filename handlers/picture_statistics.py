"""How a picture looks, in four numbers that tell a camera that went dark, blurred, grey or off colour.

Of a part of the pixels, since every picture pays for it: some 0.1 ms.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

EVERY = 8
SHARE_OF = 1 / np.maximum(np.arange(256, dtype=np.float32), 1)


def of(pixels: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Of RGB [height, width, 3]: brightness, saturation and warmth from 0 to 1, sharpness in 255ths."""
    # A plane for each colour: numpy is fast along what lies side by side.
    red, green, blue = planes = np.ascontiguousarray(pixels[::EVERY, ::EVERY].reshape(-1, 3).T)
    highest = np.maximum(np.maximum(red, green), blue)
    span = highest - np.minimum(np.minimum(red, green), blue)
    mean_red, mean_green, mean_blue = (float(total) / span.size for total in planes.sum(axis=1, dtype=np.uint32))
    return {
        "brightness": (mean_red + mean_green + mean_blue) / 765,
        "saturation": float(SHARE_OF.take(highest).dot(span)) / span.size,
        "warmth": 0.5 + (mean_red - mean_blue) / 510,
        "sharpness": _sharpness(pixels),
    }


def fingerprint(pixels: npt.NDArray[np.uint8]) -> int:
    """The same for the same picture; of RGB [height, width, 3]."""
    return zlib.crc32(pixels[::EVERY, ::EVERY].tobytes())


def _sharpness(pixels: npt.NDArray[np.uint8]) -> float:
    """Mean difference of a value and the same colour's beside it and below it."""
    height, width, _ = pixels.shape
    if height < 2 or width < 2:
        return 0.0
    here = pixels[: height - 1 : 2 * EVERY].reshape(-1, width * 3)
    below = pixels[1 : height : 2 * EVERY].reshape(-1, width * 3)
    return (_difference(here[:, 3:], here[:, :-3]) + _difference(here, below)) / 2


def _difference(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    apart = np.maximum(one, other) - np.minimum(one, other)  # in 8 bits, 16 values at a time
    return float(apart.sum(dtype=np.uint32)) / apart.size
