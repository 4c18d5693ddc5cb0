"""A copy of a model archive that differs only in the version its manifest gives."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from kit.archive.member import with_member

MANIFEST = "MAR-INF/MANIFEST.json"


def write(original: Path, version: str, copy: Path) -> None:
    with zipfile.ZipFile(original) as source:
        manifest = json.loads(source.read(MANIFEST))
    manifest["model"]["modelVersion"] = version
    with_member(original, MANIFEST, json.dumps(manifest).encode(), copy)
