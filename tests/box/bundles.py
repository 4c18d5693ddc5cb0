"""A release as one file, as the workstation bundles it: for a stick, or for an image."""

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path

from tests.box.shop import Key, Release


def write_bundle(file: Path, release: Release, key: Key) -> None:
    members = {"manifest.json": release.manifest, "manifest.json.sig": key.sign(release.manifest)}
    members |= {f"blobs/{digest}": content for digest, content in release.blobs.items()}
    with tarfile.open(file, "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, BytesIO(content))
