"""A copy of a model archive that differs only in the version its manifest gives."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

from kit.files import replacing

MANIFEST = "MAR-INF/MANIFEST.json"


def write(original: Path, version: str, copy: Path) -> None:
    with (
        zipfile.ZipFile(original) as source,
        replacing(copy, mode=0o600) as temporary,
        zipfile.ZipFile(temporary, "w") as made,
    ):
        for entry in source.infolist():
            if entry.filename == MANIFEST:
                manifest = json.loads(source.read(entry))
                manifest["model"]["modelVersion"] = version
                made.writestr(MANIFEST, json.dumps(manifest))
            else:
                _copy(source, entry, made)


def _copy(source: zipfile.ZipFile, entry: zipfile.ZipInfo, made: zipfile.ZipFile) -> None:
    # Stored, whatever it was: the copy lives for seconds and a small processor compresses for longer than that.
    with source.open(entry) as content, made.open(entry.filename, "w", force_zip64=True) as target:
        shutil.copyfileobj(content, target, 1 << 20)
