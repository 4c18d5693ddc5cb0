"""A client's bytes → the uint8 pixels the model takes.

The same pixels as opening the file with Pillow, turning it upright, converting it to RGB (on white) and applying
torchvision's Resize and CenterCrop, at the cost of little more than the pixels that are kept: a JPEG is decoded
at the smallest scale that still leaves enough, and only the crop's region is resampled, once.
"""

from __future__ import annotations

import importlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt
from PIL import Image

import decoding_limits
import gif_blocks
import jpeg_segments
import picture_formats
import png_chunks
from crop_geometry import CROP, fitted, upright, upright_size
from decoding_limits import TiffPixels
from input_error import EMPTY, InputError
from picture_formats import KINDS, supported_format, unsupported_format
from tiff_directory import orientation

Pixels = npt.NDArray[np.uint8]

# libjpeg scales by 1/2, 1/4 or 1/8 in the frequency domain. Left with at least twice the needed sides, the
# resampling that follows does the real filtering: on photographs of 1 to 12 megapixels no pixel is further than
# 5/255 from a full decode and no answer changed; left with once, 8/255, and one answer in 27 changed.
DRAFT_MARGIN = 2

# Pillow imports its plugins when a file first asks for them: the common ones together, and for any other all forty.
# Having those that are served now keeps that out of the first requests.
Image.preinit()
for plugin in ("TiffImagePlugin", "WebPImagePlugin", "AvifImagePlugin"):
    importlib.import_module(f"PIL.{plugin}")
if picture_formats.HEIC_DECODER:
    importlib.import_module(picture_formats.HEIC_DECODER).register_heif_opener()

# What Pillow says about damaged files by warning or by log is told to the client, and to nobody else.
logging.getLogger("PIL").setLevel(logging.CRITICAL)


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Source:
    """A file as Pillow gets it. `orientation` is what Pillow is not left to look for: 1 where it turns the picture
    itself, None where it is asked after opening. `tiff`: how the pixels of a TIFF are to be read."""

    data: bytes
    kind: str
    orientation: int | None = None
    tiff: TiffPixels | None = None


@dataclass(frozen=True)
class Picture:
    """RGB `pixels` [crop, crop, 3] of a picture that came as width × height pixels, upright."""

    pixels: Pixels
    width: int
    height: int


@dataclass(frozen=True)
class PictureDecoder:
    """Decodes to `crop` × `crop`; `resize` and `fit` say how (crop_geometry).

    `max_pixels` is the most width × height of a picture, looked at before anything of it is decoded.
    """

    resize: int
    crop: int
    interpolation: Image.Resampling
    max_pixels: int
    fit: str = CROP

    def decode(self, data: bytes) -> Pixels:
        """RGB pixels [crop, crop, 3]. Raises as `picture` does."""
        return self.picture(data).pixels

    def picture(self, data: bytes) -> Picture:
        """Raises InputError: 400 empty, 413 too many pixels, 415 no picture or of a kind that is not served,
        422 damaged, or more work than a picture of its size asks for.
        """
        with quiet():
            return self._picture(data)

    def pictures(self, many: Sequence[bytes], threads: Executor | None) -> Iterator[tuple[Picture | InputError, float]]:
        """Each as `picture` has it or refuses it, in their order, and the seconds that it took. Side by side where
        there are `threads`: Pillow works without Python's lock."""
        with quiet():  # here: what it changes is one for all threads
            yield from (threads.map if threads and len(many) > 1 else map)(self._timed, many)

    def _timed(self, data: bytes) -> tuple[Picture | InputError, float]:
        begun = perf_counter()
        try:
            found: Picture | InputError = self._picture(data)
        except InputError as error:
            found = error
        return found, perf_counter() - begun

    def _picture(self, data: bytes) -> Picture:
        kind = _kind(data)
        try:
            source = _source(data, kind)
            try:
                return self._decode(source)
            except OSError:
                return self._without_its_end(source)
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

    def _without_its_end(self, source: Source) -> Picture:
        """Cheap cameras leave out a JPEG's end marker. Raises OSError for any other file, and where pixels are missing
        too."""
        ways = jpeg_segments.ended(source.data) if source.kind == "JPEG" else None
        if ways is None:
            raise OSError("damaged")
        plainly, noisily = (self._decode(Source(way, source.kind, source.orientation)) for way in ways)
        if (plainly.pixels != noisily.pixels).any():
            raise OSError("cut off")
        return plainly

    def _decode(self, source: Source) -> Picture:
        with Image.open(io.BytesIO(source.data), formats=(source.kind,)) as picture:
            self._check_size(picture.size, source.kind)
            stored = picture.size
            needed = self.resize * DRAFT_MARGIN
            draft = picture.draft(None, (needed, needed))
            picture.load()
            if draft is None:
                stored = picture.size  # a TIFF has turned itself upright while loading
            shrunk = stored[0] / draft[1][2] if draft else 1.0
            turned = source.orientation or orientation(picture.info.get("exif") or b"")
            (left, top, right, bottom), size = fitted(stored, turned, self.resize, self.crop, self.fit)
            box = (left / shrunk, top / shrunk, right / shrunk, bottom / shrunk)
            small = _resizable(picture, source).resize(size, self.interpolation, box=box)
        pixels = np.asarray(self._padded(upright(_on_white(small), turned)))
        return Picture(pixels, *upright_size(stored, turned))

    def _padded(self, picture: Image.Image) -> Image.Image:
        if picture.size == (self.crop, self.crop):
            return picture
        made = Image.new("RGB", (self.crop, self.crop))
        made.paste(picture, ((self.crop - picture.width) // 2, (self.crop - picture.height) // 2))
        return made

    def _check_size(self, size: tuple[int, int], kind: str) -> None:
        width, height = size
        most = decoding_limits.pixels(kind, self.max_pixels)
        if width * height > most:
            raise InputError(
                413,
                f"The picture has {width} x {height} pixels, more than the {most} this server takes of a {kind}; "
                "send a smaller one.",
            )


def _kind(data: bytes) -> str:
    if not data:
        raise InputError(400, f"The picture is empty; send the bytes of a {KINDS} file.", EMPTY)
    kind = supported_format(data)
    if kind is None:
        other = unsupported_format(data)
        found = f"This is {other}, which is not served" if other else "This is not a picture"
        raise InputError(415, f"{found}; send a {KINDS} file.")
    return kind


def _source(data: bytes, kind: str) -> Source:
    """Raises InputError for a file that would ask for more work or memory than its picture."""
    if kind == "JPEG":
        plain, turned = jpeg_segments.plain(data)
        return Source(plain, kind, turned)
    if kind == "PNG":
        decoding_limits.check_png(data)
        plain, turned = png_chunks.plain(data)
        return Source(plain, kind, turned)
    if kind == "TIFF":
        return Source(data, kind, orientation=1, tiff=decoding_limits.tiff(data))
    if kind == "GIF":
        return Source(gif_blocks.plain(data), kind)
    if kind == "BMP":
        decoding_limits.check_bmp(data)
    return Source(data, kind)


def _resizable(picture: Image.Image, source: Source) -> Image.Image:
    """The picture in one of the modes whose values can be averaged: L, LA, RGB, RGBA.

    Raises InputError (415) for pixels whose black and white nobody can know.
    """
    transparent = picture.info.get("transparency")
    if picture.mode in ("I", "F"):
        raise InputError(415, "The picture has 32-bit pixels of unknown range; save it with 8 or 16 bits.")
    if picture.mode.startswith("I;16"):
        return _high_byte(picture, source.tiff or TiffPixels(), transparent)
    if transparent is not None and source.kind == "PNG" and png_chunks.has_16_bits(source.data):
        raise InputError(415, "The PNG has 16-bit colours and names one as transparent; save it with an alpha channel.")
    if transparent is not None or picture.mode in ("PA", "La", "RGBa"):
        return picture.convert("RGBA")
    if picture.mode == "1":
        return picture.convert("L")
    return picture if picture.mode in ("L", "LA", "RGB", "RGBA") else picture.convert("RGB")


def _high_byte(picture: Image.Image, tiff: TiffPixels, transparent: int | None) -> Image.Image:
    """16-bit grayscale as 8-bit. Pillow's own conversion clips everything above 255 to white."""
    values = np.asarray(picture)
    high = (values >> (tiff.bits - 8)).astype(np.uint8)
    gray = Image.fromarray(255 - high if tiff.white_is_zero else high)
    if transparent is not None:
        gray.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return gray


def _on_white(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if picture.mode not in ("LA", "RGBA"):
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
