"""Whatever bytes arrive, the decoder answers or raises its own error, and does neither late."""

from __future__ import annotations

import io
import random
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from input_error import InputError
from jpeg_segments import MOST_SCANS
from picture_decoder import PictureDecoder

Encode = Callable[..., bytes]
LIMIT = 1_000_000
DECODER = PictureDecoder(224, 224, Image.Resampling.BILINEAR, LIMIT)
WHOLE = [
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "CMYK", {}),
    ("MPO", "RGB", {"save_all": True, "append_images": [Image.new("RGB", (64, 48))]}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("BMP", "P", {}),
    ("BMP", "RGB", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "L", {"compression": "jpeg"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("GIF", "P", {}),
    ("AVIF", "RGB", {}),
]


def refused(data: bytes) -> InputError:
    with pytest.raises(InputError) as refusal:
        DECODER.decode(data)
    assert refusal.value.message.isascii()
    assert refusal.value.phrase.isascii()
    return refusal.value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "a HEIC picture"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "a HEIC picture"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42", "a video"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><SVG/>", "an SVG drawing"),
        (b"<!doctype html>", "an HTML or XML document"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"8BPS\x00\x01", "a Photoshop document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"hello", "not a picture"),
        (b"\x00" * 64, "not a picture"),
        (b"\xff", "not a picture"),
    ],
)
def test_what_is_not_served_is_named(data: bytes, words: str) -> None:
    refusal = refused(data)
    assert refusal.code == 415
    assert words in refusal.message
    assert "send a JPEG, PNG" in refusal.message


@pytest.mark.parametrize(("kind", "mode", "options"), WHOLE)
def test_cut_off_files_get_422(
    photograph: Image.Image, encode: Encode, kind: str, mode: str, options: dict[str, object]
) -> None:
    whole = encode(photograph.convert(mode), kind, **options)
    first_frame = whole if kind != "MPO" else encode(photograph, "JPEG")
    for share in (0.02, 0.3, 0.7):
        assert refused(whole[: int(len(first_frame) * share)]).code == 422


@pytest.mark.parametrize(("kind", "mode", "options"), WHOLE)
def test_damaged_files_answer_or_raise_their_own_error(
    photograph: Image.Image, encode: Encode, kind: str, mode: str, options: dict[str, object]
) -> None:
    chance = random.Random(f"{kind} {mode} {options.keys()}")  # noqa: S311
    whole = encode(photograph.resize((64, 48)).convert(mode), kind, **options)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8, 40))):
            # Headers decide most, so half of the damage goes there.
            reach = min(len(damaged), chance.choice((128, len(damaged))))
            at = chance.randrange(reach)
            damaged[at : at + chance.choice((0, 1, 1, 4))] = chance.randbytes(chance.choice((0, 1, 1, 4)))
        if chance.random() < 0.2:
            del damaged[chance.randrange(1, len(damaged)) :]
        try:
            assert DECODER.decode(bytes(damaged)).shape == (224, 224, 3)
        except InputError as refusal:
            assert 400 <= refusal.code < 500


def bomb_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    made = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1 << 20))), (b"IEND", b"")):
        made += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return made


def with_size(data: bytes, at: int, layout: str, *size: int) -> bytes:
    return data[:at] + struct.pack(layout, *size) + data[at + struct.calcsize(layout) :]


def bombs() -> dict[str, bytes]:
    """Small files that claim to be huge."""

    def small(kind: str) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (20, 10)).save(file, kind)
        return file.getvalue()

    jpeg, tiff = small("JPEG"), small("TIFF")
    for tag in (256, 257):  # width and height: tag, type LONG, one value
        tiff = with_size(tiff, tiff.index(struct.pack("<HHI", tag, 4, 1)) + 8, "<I", 60_000)
    return {
        "PNG": bomb_png(60_000, 60_000),
        "PNG of just too many": bomb_png(1001, 1000),
        "PNG of the format's most": bomb_png(2**31 - 1, 2**31 - 1),
        "GIF": with_size(small("GIF"), 6, "<HH", 60_000, 60_000),
        "BMP": with_size(small("BMP"), 18, "<ii", 60_000, 60_000),
        "JPEG": with_size(jpeg, jpeg.index(b"\xff\xc0") + 5, ">HH", 60_000, 60_000),
        "TIFF": tiff,
    }


@pytest.mark.parametrize("kind", bombs())
def test_bombs_get_413_before_anything_is_decoded(kind: str) -> None:
    started = time.process_time()
    assert refused(bombs()[kind]).code == 413
    assert time.process_time() - started < 0.5


def test_a_picture_of_exactly_the_limit_is_served(encode: Encode) -> None:
    assert DECODER.decode(encode(Image.new("L", (1000, 1000)), "PNG")).shape == (224, 224, 3)


def test_a_jpeg_of_endless_scans_is_refused(photograph: Image.Image, encode: Encode) -> None:
    whole = encode(photograph, "JPEG", progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    scan = whole[last_scan:-2]
    bomb = whole[:-2] + scan * MOST_SCANS + whole[-2:]
    assert "scans" in refused(bomb).message
    # What a phone puts behind the picture is not the picture's.
    assert DECODER.decode(whole + scan * MOST_SCANS).shape == (224, 224, 3)


def test_running_out_of_memory_is_this_pictures_413(
    photograph: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", full)
    assert refused(encode(photograph, "PNG")).code == 413
