"""manifest.json as this kit writes it. Its bytes are canonical, so that the same content is the same file and the
release's name can be checked against it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from common import manifest_reading
from common.errors import KitError
from common.manifest import AGAIN, Manifest, Part
from common.manifest_reading import FORMAT


def canonical(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def release_name(document: Mapping[str, Any]) -> str:
    """`<model>-<model version>-<8 hex digits over everything else>`."""
    rest = {key: value for key, value in document.items() if key != "release"}
    model = document["model"]
    return f"{model['name']}-{model['version']}-{hashlib.sha256(canonical(rest)).hexdigest()[:8]}"


def runtime_id(platform: str, python: str, wheels: Sequence[Part]) -> str:
    """Two releases with the same id share one installed runtime on a box."""
    lines = sorted(f"{PurePosixPath(wheel.path).name} {wheel.sha256}" for wheel in wheels)
    return hashlib.sha256("\n".join([python, platform, *lines]).encode()).hexdigest()[:16]


def make(document: Mapping[str, Any], parts: Sequence[Part]) -> Manifest:
    """The manifest of a new release: `document` without its name and parts."""
    ordered = sorted(parts, key=lambda part: part.path)
    content = {**document, "format": FORMAT, "parts": [asdict(part) for part in ordered]}
    return parse(canonical({**content, "release": release_name(content)}))


def parse(content: bytes) -> Manifest:
    """Raises KitError for anything but a manifest that this kit wrote."""
    manifest = manifest_reading.parse(content)
    if manifest.release != (name := release_name(manifest.document)):
        raise KitError(f"manifest.json: the release is called {manifest.release}, and its content {name}", AGAIN)
    return manifest
