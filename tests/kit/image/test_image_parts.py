"""What buildah is asked, what it leaves, and what is said where it is not there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from common.errors import KitError
from kit.image import buildah, layout


def test_the_build_is_the_same_each_time_and_needs_no_daemon() -> None:
    command = buildah.build_command(Path("/c"), "localhost/x:1", {"a": "b c"}, "")
    assert command[:2] == ["buildah", "build"]
    assert {"--isolation=chroot", "--timestamp=0", "--layers", "--label=a=b c", "--tag=localhost/x:1"} <= set(command)
    assert not [word for word in command if word.startswith("--build-arg")]
    assert "--build-arg=BASE=debian" in buildah.build_command(Path("/c"), "x", {}, "debian")


def test_without_buildah_it_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(KitError, match="no buildah") as raised:
        buildah.run(["buildah", "--version"], "the build")
    assert "apt-get install" in raised.value.hint


def test_a_failure_ends_with_its_last_words() -> None:
    with pytest.raises(KitError, match="the build failed:\n  the base is not there") as raised:
        buildah.run(["sh", "-c", "echo the base is not there >&2; exit 3"], "the build", "BASE=…")
    assert raised.value.hint == "BASE=…"


def put(folder: Path, document: object) -> str:
    content = json.dumps(document).encode()
    digest = hashlib.sha256(content).hexdigest()
    (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (folder / "blobs/sha256" / digest).write_bytes(content)
    return f"sha256:{digest}"


def test_what_is_attached_refers_to_the_image_and_the_image_stays_first(tmp_path: Path) -> None:
    digest = put(tmp_path, {"layers": [{"size": 7}, {"size": 5}]})
    row = {"mediaType": layout.MANIFEST, "digest": digest, "size": 12, "annotations": {"x": "y"}}
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [row]}))
    layout.attach(tmp_path, "text/plain", "notes.txt", b"hello")
    assert layout.image(tmp_path) == row
    assert layout.layer_sizes(tmp_path) == [7, 5]
    attached = json.loads((tmp_path / "index.json").read_text())["manifests"][1]
    manifest = json.loads((tmp_path / "blobs" / attached["digest"].replace(":", "/")).read_text())
    assert manifest["subject"] == {"mediaType": layout.MANIFEST, "digest": digest, "size": 12}
    assert manifest["artifactType"] == attached["artifactType"] == "text/plain"
    layer = manifest["layers"][0]
    assert (tmp_path / "blobs" / layer["digest"].replace(":", "/")).read_bytes() == b"hello"
    for blob in (tmp_path / "blobs/sha256").iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
