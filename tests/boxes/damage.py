"""Damage as a power cut or a dying SD card leaves it, done to a box's files from outside."""

from __future__ import annotations

import random
from pathlib import Path

from tests.boxes.box import Box

EMPTIED, TORN, NOISE, MISSING = "emptied", "torn", "made noise", "missing"


def damage(box: Box, name: str, how: str) -> None:
    """`name` is a path in the box, from /; of several that fit a pattern the first."""
    # A link of the box leads nowhere from outside, and does not exist for glob.
    path = next(iter(sorted(box.disk.root.glob(name.lstrip("/"))))) if "*" in name else place(box, name)
    if how == MISSING:
        path.unlink()
        return
    content = path.read_bytes() if not path.is_symlink() else b""
    if path.is_symlink():
        path.unlink()  # what is left of a link is a file
    path.write_bytes(harmed(content, how, name))


def harmed(content: bytes, how: str, seed: str) -> bytes:
    if how == EMPTIED:
        return b""
    if how == TORN:
        return content[: len(content) // 2]
    length = min(len(content), 1 << 20) or 64
    return random.Random(seed).randbytes(length) + content[length:]  # noqa: S311 (not a secret)


def place(box: Box, name: str) -> Path:
    return box.disk.root / name.lstrip("/")
