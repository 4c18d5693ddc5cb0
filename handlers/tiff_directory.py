"""The first directory of a TIFF file, which is also how Exif is written: read with as little work as it says.

A directory's entries name a tag, a type, a count and a place, and nothing keeps thousands of them from naming the same
megabytes: Pillow reads each. So what they ask for is added up here first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from input_error import InputError

MOST_ENTRIES = 4096
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
LAYOUTS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}  # the whole numbers

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
ORIENTATION, SAMPLES, ROWS_PER_STRIP, PLANAR, TILE_WIDTH, TILE_HEIGHT = 274, 277, 278, 284, 322, 323


@dataclass(frozen=True)
class Directory:
    """`values`: the first whole number of each tag that has one. `asked`: the bytes that all values take together."""

    values: dict[int, int]
    asked: int

    def get(self, tag: int, default: int) -> int:
        return self.values.get(tag, default)


def directory(data: bytes) -> Directory:
    """Raises InputError (422) for more entries than a picture has; struct.error for a file that ends before its
    directory does."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    start = struct.unpack_from(f"{order}Q", data, 8)[0] if big else struct.unpack_from(f"{order}I", data, 4)[0]
    count, at = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, start)[0], start + (8 if big else 2)
    if count > MOST_ENTRIES:
        raise InputError(422, f"The TIFF picture has {count} tags, more than any program writes; save it again.")
    values, asked = {}, 0
    for _ in range(count):
        tag, kind = struct.unpack_from(f"{order}HH", data, at)
        number, inline = struct.unpack_from(f"{order}{'QQ' if big else 'II'}", data, at + 4)
        place = at + (12 if big else 8)
        size = number * SIZES.get(kind, 1)
        if size > (8 if big else 4):
            asked, place = asked + size, inline
        if number and kind in LAYOUTS and place + SIZES[kind] <= len(data):
            values[tag] = struct.unpack_from(f"{order}{LAYOUTS[kind]}", data, place)[0]
        at += 20 if big else 12
    return Directory(values, asked)


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, that Exif gives; 1 when there is none or it cannot be read: the pixels can."""
    try:
        found = directory(exif.removeprefix(b"Exif\0\0")).get(ORIENTATION, 1)
    except (struct.error, InputError):
        return 1
    return found if 1 <= found <= 8 else 1
