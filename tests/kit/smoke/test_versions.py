from __future__ import annotations

import json
import zipfile
from pathlib import Path

from kit.smoke import versions


def test_only_the_version_differs(tmp_path: Path) -> None:
    manifest = {"createdOn": "x", "model": {"modelName": "net", "modelVersion": "1.0", "handler": "h.py"}}
    original = tmp_path / "net.mar"
    with zipfile.ZipFile(original, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.pt", b"weights" * 1000)
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))
        archive.writestr("index_to_name.json", "{}")
    before = original.read_bytes()
    versions.write_copy(original, "1.0-smoke", tmp_path / "copy.mar")
    with zipfile.ZipFile(tmp_path / "copy.mar") as copy:
        assert copy.testzip() is None
        assert copy.namelist() == ["model.pt", "MAR-INF/MANIFEST.json", "index_to_name.json"]
        assert copy.read("model.pt") == b"weights" * 1000
        manifest["model"]["modelVersion"] = "1.0-smoke"  # type: ignore[index]
        assert json.loads(copy.read("MAR-INF/MANIFEST.json")) == manifest
    assert original.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.mar", "net.mar"]
