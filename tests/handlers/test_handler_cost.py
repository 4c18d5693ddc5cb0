"""A file may ask for no more work or memory than a picture of its size: what would is refused by its header.

The files are those of ../shared/cases and of its README; how long they take is measured by `make fuzz`.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import decoding_limits
import gif_blocks
from gif_blocks import MOST_BLOCKS
from input_error import InputError
from jpeg_segments import MOST_SEGMENTS
from picture_decoder import PictureDecoder
from png_chunks import MOST_CHUNKS
from tiff_directory import MOST_ENTRIES, orientation

Encode = Callable[..., bytes]
DECODER = PictureDecoder(32, 32, Image.Resampling.BILINEAR, 50_000_000)
GIANT_TILE = (
    "SUkqAAgAAAALAAABBAABAAAAQAAAAAEBBAABAAAAQAAAAAIBAwABAAAACAAAAAMBAwABAAAAAQAAAAYBAwABAAAAAQAAABUBAwABAAAAAQAAAEIB"
    "BAABAAAAQJwAAEMBBAABAAAAQJwAAEQBBAABAAAAkgAAAEUBBAABAAAAEAAAABwBAwABAAAAAQAAAAAAAAA="
)


def refusal(data: bytes) -> InputError:
    with pytest.raises(InputError) as raised:
        DECODER.decode(data)
    return raised.value


def segment(code: int, content: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(content) + 2) + content


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def tiff(*entries: tuple[int, int, int, int], order: str = "<") -> bytes:
    """A TIFF of these tags (tag, type, count, value or place), with 64 bytes after them."""
    rows = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + rows + bytes(4 + 64)


def pixels(data: bytes) -> list[int]:
    return [int(value) for value in DECODER.decode(data).ravel()]


@pytest.fixture(scope="module")
def jpeg(photograph: Image.Image, encode: Encode) -> bytes:
    return encode(photograph, "JPEG")


@pytest.fixture(scope="module")
def png(photograph: Image.Image, encode: Encode) -> bytes:
    return encode(photograph, "PNG")


def test_a_tile_far_larger_than_its_picture_is_refused() -> None:
    assert "a tile of 1600000000" in refusal(base64.b64decode(GIANT_TILE)).message


@pytest.mark.parametrize("tall", [False, True])
def test_a_large_run_length_coded_bmp_is_refused(encode: Encode, tall: bool) -> None:
    bmp = bytearray(encode(Image.new("P", (8, 8)), "BMP"))
    struct.pack_into("<ii", bmp, 18, *((16, -2097168) if tall else (2097168, 16)))
    struct.pack_into("<I", bmp, 30, 1)
    found = refusal(bytes(bmp))
    assert (found.code, "run-length" in found.message) == (413, True)


@pytest.mark.parametrize("compression", [1, 2])
def test_runs_that_no_small_picture_needs_are_refused(encode: Encode, compression: int) -> None:
    """Found by `make fuzz`: 8 MB of runs behind a header of 16 x 16 pixels took three seconds."""
    bmp = bytearray(encode(Image.new("P", (16, 16)), "BMP"))
    struct.pack_into("<I", bmp, 30, compression)
    found = refusal(bytes(bmp) + b"\x3a\xd4" * 4_000_000)
    assert (found.code, "run-length" in found.message) == (413, True)


def test_a_small_run_length_coded_bmp_is_answered(encode: Encode) -> None:
    plain = encode(Image.new("L", (8, 8), 3), "BMP")
    start = struct.unpack_from("<I", plain, 10)[0]
    runs = bytearray(plain[:start] + b"\x08\x03\0\0" * 8 + b"\0\1")
    struct.pack_into("<I", runs, 30, 1)
    assert pixels(bytes(runs)) == pixels(plain)


def test_a_jpeg_of_very_many_segments_is_refused_and_one_of_many_is_answered(jpeg: bytes) -> None:
    exif = segment(0xE1, b"Exif\0\0x")
    for one in (exif, segment(0xE5, b""), segment(0xE2, b"MPF\0"), b"\xff\xd0"):
        found = refusal(jpeg[:2] + one * (MOST_SEGMENTS + 1) + jpeg[2:])
        assert (found.code, "segments" in found.message) == (422, True)
        assert pixels(jpeg[:2] + one * (MOST_SEGMENTS - 50) + jpeg[2:]) == pixels(jpeg)


def test_a_jpeg_without_a_scan_is_not_searched_for_one(jpeg: bytes) -> None:
    header = jpeg[: jpeg.index(b"\xff\xda")]
    assert refusal(header + bytes(1000)).code == 422
    assert refusal(b"\xff\xd8\xff").code == 422


def test_a_gif_of_very_many_blocks_is_refused_and_one_of_many_is_answered(encode: Encode) -> None:
    gif = encode(Image.linear_gradient("L").resize((64, 48)).convert("P"), "GIF", transparency=5)
    colours = gif_blocks.SCREEN + (3 << ((gif[10] & 7) + 1) if gif[10] & 0x80 else 0)
    comment = b"\x21\xfe\x05hello\0"
    for block in (comment, b"\0", b"x"):
        found = refusal(gif[:colours] + block * (MOST_BLOCKS + 1) + gif[colours:])
        assert (found.code, "blocks" in found.message) == (422, True)
        assert pixels(gif[:colours] + block * (MOST_BLOCKS - 50) + gif[colours:]) == pixels(gif)
    assert "too many blocks" in refusal(gif[:colours] + b"\x21\xfe" + b"\x01x" * (MOST_BLOCKS + 1)).message
    assert refusal(gif[:colours]).code == 422
    assert refusal(gif[:8]).code == 422


def test_many_scans_are_fine_for_small_pictures_only(encode: Encode, jpeg: bytes) -> None:
    whole = encode(Image.new("RGB", (64, 48)), "JPEG", progressive=True)
    at = whole.index(b"\xff\xda")
    end = whole.index(b"\xff", at + 2)
    scans = whole[:at] + whole[at:end] * 60 + whole[at:]
    assert len(pixels(scans)) == 32 * 32 * 3
    frame = scans.index(b"\xff\xc2")
    large = scans[: frame + 5] + struct.pack(">HH", 7000, 7000) + scans[frame + 9 :]
    assert "scans" in refusal(large).message


def test_a_png_of_very_many_chunks_is_refused_and_one_of_many_is_answered(png: bytes) -> None:
    for name in (b"IDAT", b"tEXt", b"abCd"):
        found = refusal(png[:33] + chunk(name, b"") * MOST_CHUNKS + png[33:])
        assert (found.code, "chunks" in found.message) == (422, True)
    assert pixels(png[:33] + chunk(b"abCd", b"") * (MOST_CHUNKS - 50) + png[33:]) == pixels(png)


def test_a_large_text_or_profile_does_not_cost_the_picture(photograph: Image.Image, encode: Encode, png: bytes) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("note", "x" * 3_000_000, zip=True)
    text.add_itxt("XML:com.adobe.xmp", "y" * 3_000_000)
    made = encode(photograph, "PNG", pnginfo=text, icc_profile=bytes(3_000_000))
    assert pixels(made) == pixels(png)


def test_more_decoded_bytes_than_8_bit_colours_have_are_refused() -> None:
    header = struct.pack(">IIBBBBB", 7000, 7000, 16, 6, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    assert (refusal(png).code, "392000000 bytes decoded" in refusal(png).message) == (413, True)
    large = tiff((256, 4, 1, 7000), (257, 4, 1, 7000), (258, 3, 1, 16), (277, 3, 1, 4))
    assert (refusal(large).code, "392000000 bytes decoded" in refusal(large).message) == (413, True)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_formats_that_decode_in_much_memory_have_a_limit_of_their_own(kind: str, encode: Encode) -> None:
    most = decoding_limits.MOST_PIXELS[kind]
    assert decoding_limits.pixels(kind, 50_000_000) == most
    assert decoding_limits.pixels(kind, 1_000) == 1_000
    if kind == "WEBP":
        assert f"more than the {most}" in refusal(encode(Image.new("L", (5001, 4000)), kind, lossless=True)).message


def test_a_tiffs_tags_may_ask_for_no_more_than_the_file_has() -> None:
    whole = tiff((256, 4, 1, 8), (257, 4, 1, 8), *[(40_000 + index, 7, 60, 8) for index in range(9)])
    assert "tags ask for 540 bytes" in refusal(whole).message
    many = tiff(*[(40_000 + index, 3, 1, 1) for index in range(MOST_ENTRIES + 1)])
    assert f"{MOST_ENTRIES + 1} tags" in refusal(many).message


def test_scans_of_a_jpeg_in_a_tiff_are_counted() -> None:
    entries = [(256, 4, 1, 7000), (257, 4, 1, 7000), (258, 3, 1, 8), (259, 3, 1, 7), (278, 4, 1, 7000)]
    assert "JPEG scans" in refusal(tiff(*entries) + b"\xff\xda" * 60).message


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_is_read_from_exif_without_reading_the_rest(order: str) -> None:
    value = 6 if order == "<" else 6 << 16
    huge = [(40_000 + index, 7, 60_000, 0) for index in range(4000)]
    assert orientation(b"Exif\0\0" + tiff((274, 3, 1, value), *huge, order=order)) == 6


@pytest.mark.parametrize("exif", [b"", b"II", b"II*\0\xff\xff\xff\xff", tiff((274, 3, 1, 9)), tiff((274, 2, 1, 6))])
def test_an_exif_that_cannot_be_read_turns_nothing(exif: bytes) -> None:
    assert orientation(exif) == 1


def test_an_orientation_in_xmp_is_obeyed(photograph: Image.Image, encode: Encode, jpeg: bytes) -> None:
    xmp = segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta tiff:Orientation="3">')
    turned = DECODER.decode(jpeg[:2] + xmp + jpeg[2:])
    assert np.abs(turned.astype(int) - DECODER.decode(jpeg)[::-1, ::-1].astype(int)).max() <= 2


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 100}])
def test_a_jpeg_that_lacks_its_end_marker_alone_is_answered(
    photograph: Image.Image, encode: Encode, options: dict[str, object]
) -> None:
    whole = encode(photograph, "JPEG", **options)
    assert whole.endswith(b"\xff\xd9")
    assert pixels(whole[:-2]) == pixels(whole)


def test_16_bit_grays_of_a_tiff_that_counts_from_white(encode: Encode) -> None:
    gray = Image.linear_gradient("L").resize((64, 64))
    values = np.asarray(gray).astype(np.uint16) * 257
    white = io.BytesIO()
    Image.fromarray(65535 - values).save(white, "TIFF", tiffinfo={262: 0})
    assert pixels(white.getvalue()) == pixels(encode(Image.fromarray(values), "TIFF")) == pixels(encode(gray, "PNG"))


def test_16_bit_colours_in_planes_are_refused() -> None:
    planes = tiff((256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 16), (277, 3, 1, 3), (284, 3, 1, 2))
    found = refusal(planes)
    assert (found.code, "16-bit colours in planes" in found.message) == (415, True)


def test_the_transparent_shade_of_a_16_bit_gray_png_shows_white(encode: Encode) -> None:
    values = np.full((64, 64), 4660, np.uint16)
    values[:, 32:] = 4661  # the same in eight bits
    png = encode(Image.fromarray(values), "PNG")
    clear = png[:33] + chunk(b"tRNS", struct.pack(">H", 4661)) + png[33:]
    found = DECODER.decode(clear)
    assert (found[:, :15] == 18).all()
    assert (found[:, 17:] == 255).all()


def test_the_transparent_colour_of_a_16_bit_png_is_refused() -> None:
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(24)) * 4)
    parts = ((b"IHDR", header), (b"tRNS", bytes(6)), (b"IDAT", rows), (b"IEND", b""))
    found = refusal(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    assert (found.code, "16-bit colours" in found.message) == (415, True)
