"""Which kind of file some bytes are, from their first bytes alone."""

from __future__ import annotations

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
    """HEIC, AVIF and MP4 share a container: the box `size, "ftyp", major brand, version, other brands`."""
    box = data[: min(int.from_bytes(data[:4], "big"), 256)]
    brands = {box[8:12], *(box[at : at + 4] for at in range(16, len(box), 4))}
    # An AVIF also lists the general brand mif1, so it is asked first.
    if brands & AVIF_BRANDS:
        return "an AVIF picture"
    return "a HEIC picture" if brands & HEIC_BRANDS else "a video"
