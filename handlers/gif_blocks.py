"""A GIF without what its first frame does not need.

Pillow joins comments one by one, and looks through what is not a block byte by byte.
"""

from __future__ import annotations

from input_error import InputError

MOST_BLOCKS = 20_000
SCREEN = 13  # header and screen descriptor
HAS_COLOURS, COLOURS = 0x80, 0x07
EXTENSION, IMAGE = 0x21, 0x2C
CONTROL = 0xF9  # which colour is transparent


def plain(data: bytes) -> bytes:
    """Decodes to the same first frame. Raises InputError (422) for more blocks before it than any program writes, and
    OSError where there is none."""
    flags = data[SCREEN - 3] if len(data) > SCREEN else 0
    at = SCREEN + (3 << ((flags & COLOURS) + 1) if flags & HAS_COLOURS else 0)
    screen, control = data[:at], b""
    for _ in range(MOST_BLOCKS):
        if at >= len(data):
            raise OSError("no frame")
        if data[at] == IMAGE:
            return screen + control + data[at:]
        if data[at] != EXTENSION:
            at += 1
            continue
        start, is_control = at, data[at + 1 : at + 2] == bytes([CONTROL])
        at = _end_of_blocks(data, at + 2)
        control = data[start:at] if is_control else control
    raise InputError(422, f"The GIF picture has more than {MOST_BLOCKS} blocks before its first frame; save it again.")


def _end_of_blocks(data: bytes, at: int) -> int:
    """Behind a chain of sub-blocks, each with its length before it, which one without a length ends."""
    for _ in range(MOST_BLOCKS):
        if at >= len(data) or not data[at]:
            return at + 1
        at += 1 + data[at]
    raise InputError(422, "The GIF picture has an extension of too many blocks; save it again.")
