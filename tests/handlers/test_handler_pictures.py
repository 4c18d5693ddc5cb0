"""Every kind of picture gives the pixels of the plain way: open, turn upright, on white, Resize, CenterCrop."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, ImageOps
from torchvision.transforms import CenterCrop, InterpolationMode, Resize

from input_error import InputError
from picture_decoder import PictureDecoder, Pixels

Encode = Callable[..., bytes]
DECODER = PictureDecoder(224, 224, Image.Resampling.BILINEAR, 2_000_000)


def plainly(picture: Image.Image, resize: int = 224, crop: int = 224) -> npt.NDArray[np.int16]:
    """The reference: everything resized, then cut."""
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("LA", "PA", "RGBA") or "transparency" in upright.info:
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
    return np.asarray(CenterCrop(crop)(Resize(resize)(upright.convert("RGB")))).astype(np.int16)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def furthest(pixels: Pixels, reference: npt.NDArray[np.int16]) -> int:
    assert pixels.dtype == np.uint8
    assert pixels.shape == reference.shape
    return int(np.abs(pixels.astype(np.int16) - reference).max())


def faded(picture: Image.Image, mode: str) -> Image.Image:
    """With an alpha channel that runs from transparent to opaque."""
    faded = picture.convert(mode)
    faded.putalpha(Image.linear_gradient("L").resize(picture.size))
    return faded


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        *((mode, "JPEG", {}) for mode in ("L", "RGB", "CMYK")),
        ("RGB", "JPEG", {"progressive": True}),
        ("RGB", "MPO", {"save_all": True, "append_images": [Image.new("RGB", (300, 401))]}),
        *((mode, "PNG", {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        *((mode, "WEBP", {"lossless": True}) for mode in ("RGB", "RGBA")),
        *((mode, "AVIF", {"quality": 100, "subsampling": "4:4:4"}) for mode in ("RGB", "RGBA")),
        *((mode, "BMP", {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
        *((mode, "TIFF", {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB")),
        ("YCbCr", "TIFF", {"compression": "jpeg"}),  # Pillow 12.3 cannot read its own uncompressed ones
        *(("RGB", "TIFF", {"compression": name}) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        ("RGB", "TIFF", {"big_tiff": True}),
        *((mode, "GIF", {}) for mode in ("1", "L", "P", "RGBA")),
    ],
)
def test_every_format_and_mode(photograph: Image.Image, encode: Encode, mode: str, kind: str, options: Any) -> None:
    if mode in ("LA", "RGBA"):
        picture = faded(photograph, mode)
    elif mode == "LAB":
        to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        picture = ImageCms.applyTransform(photograph, to_lab) or photograph
    else:
        picture = photograph.convert(mode)
    data = encode(picture, kind, **options)
    with opened(data) as reference:
        # Transparency is resampled before it is laid on white, which rounds once more.
        assert furthest(DECODER.decode(data), plainly(reference)) <= (3 if mode in ("LA", "RGBA") else 1)


def test_palette_with_transparency_shows_white(encode: Encode) -> None:
    picture = Image.new("P", (300, 300), 0)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.paste(1, (0, 0, 300, 150))
    for kind in ("PNG", "GIF"):
        pixels = DECODER.decode(encode(picture, kind, transparency=0))
        assert pixels[10, 10].tolist() == [200, 100, 50]
        assert pixels[200, 10].tolist() == [255, 255, 255]


def test_transparent_colour_without_a_palette_shows_white(encode: Encode) -> None:
    pixels = DECODER.decode(encode(Image.new("RGB", (300, 300), (1, 2, 3)), "PNG", transparency=(1, 2, 3)))
    assert pixels.min() == 255


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I;16B")])
def test_16_bit_grayscale_is_scaled_not_clipped(encode: Encode, kind: str, mode: str) -> None:
    ramp = np.linspace(0, 65535, 300 * 300).reshape(300, 300).astype(np.uint16)
    picture = Image.fromarray(ramp)
    if mode == "I;16B":
        picture = Image.frombytes("I;16B", (300, 300), ramp.astype(">u2").tobytes())
    reference = plainly(Image.fromarray((ramp >> 8).astype(np.uint8)))
    assert furthest(DECODER.decode(encode(picture, kind)), reference) == 0


def test_16_bit_colour_png(photograph: Image.Image) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    pixels = np.asarray(photograph).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", *photograph.size, 16, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    data = b"\x89PNG\r\n\x1a\n" + chunks
    assert furthest(DECODER.decode(data), plainly(photograph)) <= 1


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bit_pixels_are_refused_with_the_reason(encode: Encode, mode: str) -> None:
    with pytest.raises(InputError, match="32-bit pixels") as refused:
        DECODER.decode(encode(Image.new(mode, (8, 8)), "TIFF"))
    assert refused.value.code == 415


def test_animations_show_their_first_frame(photograph: Image.Image, encode: Encode) -> None:
    black = Image.new("RGB", photograph.size)
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encode(photograph, kind, save_all=True, append_images=[black])
        with opened(data) as reference:
            assert furthest(DECODER.decode(data), plainly(reference)) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_obeyed(photograph: Image.Image, encode: Encode, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(photograph, kind, exif=exif)
    with opened(data) as reference:
        assert furthest(DECODER.decode(data), plainly(reference)) <= 1


def test_exif_orientation_with_a_reduced_decode(photograph: Image.Image, encode: Encode) -> None:
    big = photograph.resize((1003, 1337), Image.Resampling.BICUBIC)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encode(big, "JPEG", exif=exif, quality=90)
        with opened(data) as reference:
            assert furthest(DECODER.decode(data), plainly(reference)) <= 6


def test_a_broken_exif_does_not_cost_the_picture(photograph: Image.Image, encode: Encode) -> None:
    for exif in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02"):
        data = encode(photograph, "JPEG", exif=exif)
        assert DECODER.decode(data).shape == (224, 224, 3)


@pytest.mark.parametrize(
    "size", [(224, 224), (225, 224), (300, 401), (401, 300), (223, 500), (97, 31), (1, 1), (1, 700)]
)
@pytest.mark.parametrize(("resize", "crop"), [(224, 224), (256, 224), (233, 192)])
def test_geometry_is_torchvisions(
    photograph: Image.Image, encode: Encode, size: tuple[int, int], resize: int, crop: int
) -> None:
    picture = photograph.resize(size)
    decoder = PictureDecoder(resize, crop, Image.Resampling.BILINEAR, 2_000_000)
    assert furthest(decoder.decode(encode(picture, "BMP")), plainly(picture, resize, crop)) <= 2


@pytest.mark.parametrize("name", ["bicubic", "lanczos", "box", "nearest"])
def test_other_interpolations_are_torchvisions(photograph: Image.Image, encode: Encode, name: str) -> None:
    decoder = PictureDecoder(256, 224, Image.Resampling[name.upper()], 2_000_000)
    reference = CenterCrop(224)(Resize(256, InterpolationMode(name))(photograph))
    difference = np.abs(decoder.decode(encode(photograph, "BMP")).astype(np.int16) - np.asarray(reference))
    # Pillow rounds between its two passes; half a pixel of shift would be several levels on average.
    assert float(difference.mean()) < 0.2


def test_real_photographs_at_several_sizes(photographs: list[Path], encode: Encode) -> None:
    for path in photographs[::20]:
        assert furthest(DECODER.decode(path.read_bytes()), plainly(opened(path.read_bytes()))) <= 1
        with opened(path.read_bytes()) as small:
            big = small.resize((small.width * 3, small.height * 3), Image.Resampling.BICUBIC)
        data = encode(big, "JPEG", quality=90)
        difference = np.abs(DECODER.decode(data).astype(np.int16) - plainly(opened(data)))
        assert float(difference.mean()) < 0.6


def test_12_bit_tiff_keeps_its_brightness() -> None:
    """Pillow reads 12-bit scans into 16-bit pixels, of which the top four bits are empty. It writes none."""
    side, value = 64, 0x8A0
    pair = bytes((value >> 4, (value & 15) << 4 | value >> 8, value & 255))  # two pixels in three bytes
    pixels = pair * (side * side // 2)
    fields = [
        (256, side),
        (257, side),
        (258, 12),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, side),
        (279, len(pixels)),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, number) for tag, number in fields)
    directory = struct.pack("<H", len(fields)) + entries + bytes(4)
    tiff = struct.pack("<2sHI", b"II", 42, 8 + len(pixels)) + pixels + directory
    decoded = PictureDecoder(32, 32, Image.Resampling.BILINEAR, 10**6).decode(tiff)
    assert decoded.min() == decoded.max() == value >> 4


@pytest.mark.parametrize("orientation", [1, 6])
def test_squashing_changes_the_proportions_as_resize_to_two_numbers_does(
    photograph: Image.Image, encode: Encode, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(photograph, "PNG", exif=exif)
    upright = ImageOps.exif_transpose(opened(data))
    for resize in (224, 256):
        wanted = CenterCrop(224)(Resize((resize, resize))(upright))
        decoder = PictureDecoder(resize, 224, Image.Resampling.BILINEAR, 2_000_000, "squash")
        assert furthest(decoder.decode(data), np.asarray(wanted).astype(np.int16)) <= 1


@pytest.mark.parametrize("orientation", [1, 6])
def test_padding_shows_all_of_the_picture_between_black_bars(
    photograph: Image.Image, encode: Encode, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(photograph, "PNG", exif=exif)
    wanted = ImageOps.pad(ImageOps.exif_transpose(opened(data)), (224, 224), Image.Resampling.BILINEAR)
    found = PictureDecoder(224, 224, Image.Resampling.BILINEAR, 2_000_000, "pad").decode(data)
    assert furthest(found, np.asarray(wanted).astype(np.int16)) <= 1
    bars = found[:, 0] if orientation == 1 else found[0]
    assert not bars.any()
