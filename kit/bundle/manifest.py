"""manifest.json: what a release is made of and how a box runs it. It is what the signature covers.

Its bytes are canonical, so that the same content is the same file and the release's name can be checked against it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from common.errors import KitError
from common.manifest import FORMAT, ROLES, SHA256
from common.manifest import NAME as NAME  # what the box calls a name and a part is the only definition of them
from common.manifest import Part as Part

AGAIN = "make the bundle again: make bundle"


@dataclass(frozen=True)
class Manifest:
    """`text` is what was signed, to be handed on as it is; `document` what it says."""

    text: bytes
    document: Mapping[str, Any]
    parts: tuple[Part, ...]

    @property
    def release(self) -> str:
        return str(self.document["release"])

    @property
    def platform(self) -> str:
        return str(self.document["platform"])

    @property
    def python(self) -> str:
        return str(self.document["python"])

    @property
    def runtime_id(self) -> str:
        return str(self.document["runtime"]["id"])

    @property
    def model_name(self) -> str:
        return str(self.document["model"]["name"])

    @property
    def model_version(self) -> str:
        return str(self.document["model"]["version"])

    def blobs(self) -> dict[str, int]:
        """Sizes by sha256: what has to travel, each content once."""
        return {part.sha256: part.size for part in self.parts}


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


def parse(text: bytes) -> Manifest:
    """Raises KitError for anything but a manifest that this kit wrote."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']!r}, and this kit knows {FORMAT}")
        manifest = Manifest(text, document, tuple(Part(**row) for row in document["parts"]))
        _check(manifest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise KitError(f"manifest.json cannot be used: {said}", AGAIN) from None
    return manifest


def _check(manifest: Manifest) -> None:
    for name in (manifest.release, manifest.model_name, manifest.model_version):
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be a name on a box: letters, digits and . _ + - only")
    if manifest.release != release_name(manifest.document):
        raise ValueError(f"the release is called {manifest.release}, and its content {release_name(manifest.document)}")
    for part in manifest.parts:
        path = PurePosixPath(part.path)
        if str(path) != part.path or not path.parts or not all(NAME.fullmatch(step) for step in path.parts):
            raise ValueError(f"{part.path!r} cannot be a path on a box: letters, digits and . _ + - only")
        if not SHA256.fullmatch(part.sha256) or part.size < 0 or part.role not in ROLES:
            raise ValueError(f"{part.path} is described as {part}")
    paths = [part.path for part in manifest.parts]
    if len(set(paths)) != len(paths):
        raise ValueError("two parts have one path")
    for needed in (manifest.document["model"]["archive"], f"wheels/{manifest.document['runtime']['pip']}"):
        if needed not in paths:
            raise ValueError(f"{needed} is not among the parts")
