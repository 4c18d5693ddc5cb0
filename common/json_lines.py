"""Journals and histories: one JSON object a line, only ever added to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from common import durable
from common.errors import KitError


def read(path: Path) -> list[dict[str, Any]]:
    """The objects that can be read: a power cut tears the last line, a dying disk makes noise of any. None without a
    file."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            found.append(document)
    return found


def append(path: Path, document: dict[str, Any]) -> None:
    """Add a line, on the disk before this returns. What a crash left of a last line is closed first.

    Raises KitError when the disk does not take it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, b"\n" * torn + json.dumps(document, ensure_ascii=False).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        if size == 0:
            durable.sync_folder(path.parent)
    except OSError as error:
        raise KitError(f"{path} cannot be written: {error.strerror}", "make room on this disk, then repeat") from None
