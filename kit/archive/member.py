"""Another version of a finished archive, in which one member is different."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from kit.files import replacing


def with_member(original: Path, name: str, content: bytes, copy: Path) -> None:
    """Write `copy`, readable by its user only: `original` with `content` as its member `name`."""
    with (
        zipfile.ZipFile(original) as source,
        replacing(copy, mode=0o600) as temporary,
        zipfile.ZipFile(temporary, "w") as made,
    ):
        for entry in source.infolist():
            if entry.filename == name:
                made.writestr(name, content)
            else:
                _copy(source, entry, made)


def _copy(source: zipfile.ZipFile, entry: zipfile.ZipInfo, made: zipfile.ZipFile) -> None:
    # Stored, whatever it was: the copy lives for seconds and a small processor compresses for longer than that.
    with source.open(entry) as content, made.open(entry.filename, "w", force_zip64=True) as target:
        shutil.copyfileobj(content, target, 1 << 20)
