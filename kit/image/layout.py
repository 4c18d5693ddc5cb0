"""An OCI image layout: what is in it, and documents attached to its image, as registries keep them.

Formats: opencontainers/image-spec v1.1, image-layout.md and manifest.md («Guidelines for Artifact Usage»).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from common.durable import sha256
from kit.files import read_json, write_bytes, write_json

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"
NOTHING = b"{}"
Descriptor = dict[str, Any]


def image(folder: Path) -> Descriptor:
    """The descriptor of its one image."""
    found: Descriptor = read_json(folder / "index.json")["manifests"][0]
    return found


def blob(folder: Path, digest: str) -> Path:
    """Where the content of `sha256:<64 hexadecimal digits>` lies."""
    return folder / "blobs" / digest.replace(":", "/")


def layer_sizes(folder: Path) -> list[int]:
    """In bytes, as they travel: compressed. The base's first."""
    manifest = read_json(blob(folder, image(folder)["digest"]))
    return [int(layer["size"]) for layer in manifest["layers"]]


def write(folder: Path, name: str, architecture: str, layer: Path) -> Descriptor:
    """An image called `name`, of one layer that is moved here: a tar, not compressed. Nothing in it is to be run."""
    digest = f"sha256:{sha256(layer)}"
    place = blob(folder, digest)
    place.parent.mkdir(parents=True)
    size = layer.stat().st_size
    layer.rename(place)
    config = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest]}}
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _put(folder, CONFIG, _json(config)),
        "layers": [{"mediaType": LAYER, "digest": digest, "size": size}],
    }
    made = _put(folder, MANIFEST, _json(document))
    named = made | {"annotations": {"org.opencontainers.image.ref.name": name}}
    write_json(folder / "oci-layout", {"imageLayoutVersion": "1.0.0"})
    write_json(folder / "index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]})
    return made


def attach(folder: Path, kind: str, name: str, content: bytes) -> None:
    """A document about the image, which follows it into a registry that knows referrers. `kind`: its media type."""
    subject = {key: image(folder)[key] for key in ("mediaType", "digest", "size")}
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": _put(folder, EMPTY, NOTHING),
        "layers": [_put(folder, kind, content) | {"annotations": {"org.opencontainers.image.title": name}}],
        "subject": subject,
    }
    made = _put(folder, MANIFEST, _json(document)) | {"artifactType": kind}
    index = read_json(folder / "index.json")
    index["manifests"].append(made)
    write_json(folder / "index.json", index)


def _json(document: Descriptor) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def _put(folder: Path, kind: str, content: bytes) -> Descriptor:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    write_bytes(blob(folder, digest), content)
    return {"mediaType": kind, "digest": digest, "size": len(content)}
