"""A PNG without what its pixels do not need, and its orientation.

Pillow refuses a text or a colour profile of over a megabyte as damage, and reads a million empty chunks one by one.
"""

from __future__ import annotations

from input_error import InputError
from tiff_directory import orientation

MOST_CHUNKS = 100_000  # a file of 16 MB has some 2,000 as encoders write them
SIGNATURE_LENGTH = 8
FRAME = 12  # length, name and checksum
NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
BIT_DEPTH_AT = 24


def plain(data: bytes) -> tuple[bytes, int]:
    """What decodes to the same pixels, and the orientation, 1 to 8. Raises InputError (422) for more chunks than any
    program writes."""
    kept, at, turned = [data[:SIGNATURE_LENGTH]], SIGNATURE_LENGTH, 1
    for _ in range(MOST_CHUNKS):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + FRAME + length
        if name == b"eXIf":
            turned = orientation(data[at + 8 : end - 4])
        if name in NEEDED:
            kept.append(data[at:end])
        if name == b"IEND" or end >= len(data):
            return b"".join(kept), turned
        at = end
    raise InputError(422, f"The PNG picture has more than {MOST_CHUNKS} chunks; save it again.")


def has_16_bits(data: bytes) -> bool:
    return data[BIT_DEPTH_AT : BIT_DEPTH_AT + 1] == b"\x10"
