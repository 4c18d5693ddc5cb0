"""A JPEG without what its pixels do not need, and its orientation.

Pillow joins Exif segments one by one, looks into colour profiles, Photoshop's notes and the directory of other frames;
a few megabytes of header can keep it busy for a minute. Of all that only the orientation is asked for here.
"""

from __future__ import annotations

import re

from input_error import InputError
from tiff_directory import orientation

MOST_SEGMENTS = 4096  # of 64 kB at most; a photograph has some dozen, one with a large profile a few hundred
# Each scan of a progressive JPEG is a pass over the whole picture, and an empty one takes a few bytes of file: a few
# megabytes can ask for hours. Encoders write about ten; libjpeg-turbo's own tools stop at 500.
MOST_SCANS = 100
MOST_SCANNED = 600_000_000  # pixels times scans; a pass over 50 megapixels takes 50 ms at the least

START, END = b"\xff\xd8", b"\xff\xd9"
START_OF_SCAN = b"\xff\xda"
ALONE = {0x00, 0x01, *range(0xD0, 0xD9)}  # no length follows these
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # height and width
UNNEEDED = {*range(0xE1, 0xEE), 0xEF, 0xFE}  # all of APPn but JFIF's and Adobe's, which say what the colours are
MARKER = re.compile(rb"\xff+")
IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')


def plain(data: bytes) -> tuple[bytes, int]:
    """What decodes to the same pixels, and the orientation, 1 to 8. Raises InputError (422) for a header or for scans
    beyond what any camera or program writes, and OSError where there is no scan."""
    kept, at, turned = [START], 2, 0
    width = height = 0
    for _ in range(MOST_SEGMENTS):
        marker = MARKER.search(data, at)
        if marker is None or marker.end() >= len(data):
            raise OSError("no scan")
        code, at = data[marker.end()], marker.end() + 1
        if code == START_OF_SCAN[1]:
            _check_scans(data, marker.end() - 1, width * height)
            return b"".join([*kept, data[marker.end() - 1 :]]), turned or 1
        if code in ALONE:
            continue
        content = at + 2
        at += int.from_bytes(data[at:content], "big")
        if code == 0xE1:
            turned = turned or _orientation(data[content:at])
        if code in FRAMES:
            height, width = (int.from_bytes(data[content + skip : content + skip + 2], "big") for skip in (1, 3))
        if code not in UNNEEDED:
            kept.append(data[marker.end() - 1 : at])
    raise InputError(422, f"The JPEG picture has more than {MOST_SEGMENTS} segments before its pixels; save it again.")


def _orientation(segment: bytes) -> int:
    """Of an APP1 segment; 0 where it says nothing. Exif comes before XMP."""
    if segment.startswith(b"Exif\0\0"):
        return orientation(segment)
    found = IN_XMP.search(segment)
    return int(found[1]) if found else 0


def _check_scans(data: bytes, start: int, pixels: int) -> None:
    """Counts in the first image only: what phones put behind it (other frames, a film) may hold any bytes."""
    end = data.find(END, start)
    scans = data.count(START_OF_SCAN, start, end if end > 0 else len(data))
    if scans > MOST_SCANS or (scans > 1 and scans * pixels > MOST_SCANNED):
        raise InputError(
            422, f"The JPEG picture has {scans} scans, more than any camera writes for its size; save it again."
        )


def ended(data: bytes) -> tuple[bytes, bytes] | None:
    """For a JPEG without its end marker: with it, and with noise before it. Both decode alike if only the marker is
    missing; if pixels are, the noise is taken for them. None for a JPEG that has its end."""
    if END in data[-64:]:
        return None
    return data + END, data + b"\x5a\xa5\x33" * 4096 + END
