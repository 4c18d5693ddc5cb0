"""Which kind of file some bytes are, from their first bytes alone."""

from __future__ import annotations

from importlib.util import find_spec

# Not among the kit's own: who needs iPhones' own pictures installs it beside TorchServe.
HEIC_DECODER = "pillow_heif" if find_spec("pillow_heif") else ""
KINDS = "JPEG, PNG, WebP, AVIF, BMP, TIFF or GIF"

# The values are Pillow's names; an MPO (a phone's picture of several frames) is opened as JPEG.
SUPPORTED = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)

UNSUPPORTED = (
    (b"%PDF", "a PDF document"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
)

AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
XML_HEAD = 1024


def supported_format(data: bytes) -> str | None:
    """Pillow's name of the format `data` begins like, or None when it is none that is served."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brands = _brands(data)
        if brands & AVIF_BRANDS:
            return "AVIF"
        if brands & HEIC_BRANDS and HEIC_DECODER:
            return "HEIF"
    return next((name for magic, name in SUPPORTED if data.startswith(magic)), None)


def unsupported_format(data: bytes) -> str | None:
    """What a file that is not served is, with its article (`a PDF document`), or None when it is unknown."""
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    head = data[:XML_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<"):
        return "an SVG drawing" if b"<svg" in head else "an HTML or XML document"
    return next((name for magic, name in UNSUPPORTED if data.startswith(magic)), None)


def _iso_media(data: bytes) -> str:
    return "a HEIC picture" if _brands(data) & HEIC_BRANDS else "a video"


def _brands(data: bytes) -> set[bytes]:
    """AVIF, HEIC and MP4 share a container: the box `size, "ftyp", major brand, version, other brands`. An AVIF also
    lists the general brand mif1."""
    box = data[: min(int.from_bytes(data[:4], "big"), 256)]
    return {box[8:12], *(box[at : at + 4] for at in range(16, len(box), 4))}
