"""The bundle file: an uncompressed tar, the same bytes for the same content.

manifest.json, manifest.json.sig, box.pyz      first, so that a box can begin with them
blobs/<sha256>                                 every part, each content once
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

MANIFEST, SIGNATURE, PROGRAM, BLOBS = "manifest.json", "manifest.json.sig", "box.pyz", "blobs/"

Content = bytes | Path


def write(
    file: Path, manifest: bytes, signature: bytes, program: Content, blobs: Iterable[tuple[str, Content]]
) -> None:
    """`blobs` are contents by sha256, written in that order."""
    with tarfile.open(file, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in ((MANIFEST, manifest), (SIGNATURE, signature), (PROGRAM, program)):
            add(tar, name, content)
        for digest, blob in blobs:
            add(tar, BLOBS + digest, blob)


def add(tar: tarfile.TarFile, name: str, content: Content) -> None:
    """A member as it is the same wherever it is packed."""
    entry = tarfile.TarInfo(name)  # mode 0644, time 0, user and group 0 and nameless
    if isinstance(content, bytes):
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
        return
    entry.size = content.stat().st_size
    with content.open("rb") as stream:
        tar.addfile(entry, stream)
