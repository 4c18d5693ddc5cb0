"""A client's bytes → the uint8 pixels the model takes.

The same pixels as opening the file with Pillow, turning it upright, converting it to RGB (on white) and applying
torchvision's Resize and CenterCrop, at the cost of little more than the pixels that are kept: a JPEG is decoded
at the smallest scale that still leaves enough, and only the crop's region is resampled, once.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin, WebPImagePlugin

from crop_geometry import stored_crop_box, upright
from input_error import InputError
from picture_formats import supported_format, unsupported_format

Pixels = npt.NDArray[np.uint8]

KINDS = "JPEG, PNG, WebP, BMP, TIFF or GIF"
ORIENTATION_TAG = 0x0112
TIFF_BITS_PER_SAMPLE = 258

# libjpeg scales by 1/2, 1/4 or 1/8 in the frequency domain. Left with at least twice the needed sides, the
# resampling that follows does the real filtering: on photographs of 1 to 12 megapixels no pixel is further than
# 5/255 from a full decode and no answer changed; left with once, 8/255, and one answer in 27 changed.
DRAFT_MARGIN = 2

# Each scan of a progressive JPEG is a pass over the whole picture, and an empty one takes a few bytes of file:
# a few megabytes can ask for hours. Encoders write about ten; libjpeg-turbo's own tools stop at 500.
MOST_JPEG_SCANS = 100
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"

# Pillow imports its plugins when a file first asks for them: the common ones together, and for any other all
# forty. Having them now keeps that out of the first requests.
Image.preinit()
TIFF, WEBP = TiffImagePlugin.TiffImageFile, WebPImagePlugin.WebPImageFile

# What Pillow says about damaged files by warning or by log is told to the client, and to nobody else.
logging.getLogger("PIL").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class PictureDecoder:
    """Decodes to `crop` × `crop`; `resize` is what the shorter side is resized to before that cut.

    `max_pixels` is the most width × height of a picture, looked at before anything of it is decoded.
    """

    resize: int
    crop: int
    interpolation: Image.Resampling
    max_pixels: int

    def decode(self, data: bytes) -> Pixels:
        """RGB pixels [crop, crop, 3].

        Raises InputError: 400 empty, 413 too many pixels, 415 no picture or of a kind that is not served,
        422 damaged.
        """
        kind = _kind(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self._decode(data, kind)
        except InputError:
            raise
        except (MemoryError, Image.DecompressionBombError):
            raise InputError(413, f"The {kind} picture is too large to decode; send a smaller one.") from None
        except Exception:
            # Pillow's plugins raise whatever a damaged file makes them stumble over: OSError, SyntaxError,
            # ValueError, struct.error, ZeroDivisionError, …
            raise InputError(
                422,
                f"The {kind} picture cannot be decoded: it is damaged, cut off or of a rare variant. "
                "Send the whole file again, or save it as an ordinary JPEG or PNG.",
            ) from None

    def _decode(self, data: bytes, kind: str) -> Pixels:
        with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
            self._check_size(picture.size)
            if kind == "JPEG":
                _check_scans(data, bool(picture.info.get("progressive")))
            stored = picture.size
            needed = self.resize * DRAFT_MARGIN
            draft = picture.draft(None, (needed, needed))
            picture.load()
            if draft is None:
                stored = picture.size  # a TIFF has turned itself upright while loading
            shrunk = stored[0] / draft[1][2] if draft else 1.0
            orientation = _orientation(picture)
            left, top, right, bottom = stored_crop_box(stored, orientation, self.resize, self.crop)
            box = (left / shrunk, top / shrunk, right / shrunk, bottom / shrunk)
            small = _resizable(picture).resize((self.crop, self.crop), self.interpolation, box=box)
        return np.asarray(upright(_on_white(small), orientation))

    def _check_size(self, size: tuple[int, int]) -> None:
        width, height = size
        if width * height > self.max_pixels:
            raise InputError(
                413,
                f"The picture has {width} x {height} pixels, more than the {self.max_pixels} this server takes; "
                "send a smaller one.",
            )


def _kind(data: bytes) -> str:
    if not data:
        raise InputError(400, f"The picture is empty; send the bytes of a {KINDS} file.")
    kind = supported_format(data)
    if kind is None:
        other = unsupported_format(data)
        found = f"This is {other}, which is not served" if other else "This is not a picture"
        raise InputError(415, f"{found}; send a {KINDS} file.")
    return kind


def _check_scans(data: bytes, progressive: bool) -> None:
    """Refuses a progressive JPEG that asks for absurdly many passes. Baseline ones have a scan or three.

    Counts in the first image only: what phones put behind it (other frames, a film) may hold any bytes.
    """
    if not progressive:
        return
    at = 2
    while data[at : at + 2] != START_OF_SCAN:
        segment = re.compile(rb"\xff+[^\x00\xff]").match(data, at)
        if segment is None:
            return  # Pillow's own reading of the header skips stray bytes; libjpeg will have the last word
        at = segment.end() + int.from_bytes(data[segment.end() : segment.end() + 2], "big")
    end = data.find(END_OF_IMAGE, at)
    scans = data.count(START_OF_SCAN, at, end if end > 0 else len(data))
    if scans > MOST_JPEG_SCANS:
        raise InputError(422, f"The JPEG picture has {scans} scans, more than any camera writes; save it again.")


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8. 1 when there is none or when the EXIF cannot be read: the pixels can."""
    try:
        orientation = picture.getexif().get(ORIENTATION_TAG, 1)
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _resizable(picture: Image.Image) -> Image.Image:
    """The picture in one of the modes whose values can be averaged: L, LA, RGB, RGBA.

    Raises InputError (415) for pixels whose black and white nobody can know.
    """
    if picture.mode in ("I", "F"):
        raise InputError(415, "The picture has 32-bit pixels of unknown range; save it with 8 or 16 bits.")
    if picture.mode.startswith("I;16"):
        return _high_byte(picture)
    if "transparency" in picture.info or picture.mode in ("PA", "La", "RGBa"):
        return picture.convert("RGBA")
    if picture.mode == "1":
        return picture.convert("L")
    return picture if picture.mode in ("L", "LA", "RGB", "RGBA") else picture.convert("RGB")


def _high_byte(picture: Image.Image) -> Image.Image:
    """16-bit grayscale as 8-bit. Pillow's own conversion clips everything above 255 to white."""
    bits = 16
    if isinstance(picture, TIFF):
        bits = picture.tag_v2.get(TIFF_BITS_PER_SAMPLE, (bits,))[0]  # 12-bit scanners use the same mode
    return Image.fromarray((np.asarray(picture) >> (bits - 8)).astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if picture.mode not in ("LA", "RGBA"):
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
