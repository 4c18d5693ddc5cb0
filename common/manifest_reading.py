"""A manifest.json read, and everything in it checked. Only once its signature was."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Any

from common.errors import KitError
from common.manifest import (
    AGAIN,
    NAME,
    OF_MEMORY,
    SHA256,
    Gate,
    Gateway,
    GoldenEntry,
    Manifest,
    Model,
    OtherModel,
    Part,
    Server,
    is_name,
)

FORMAT = 1
ALLOWED = "letters, digits and . _ + - only"
RUNTIME_ID = re.compile(r"[0-9a-f]{16}")
LIMITS = ("p95_ms", "ready_seconds", *OF_MEMORY)
ROLES = ("archive", "config", "golden", "unit", "program", "sbom", "licenses", "wheel")


def parse(content: bytes) -> Manifest:
    """Raises KitError naming what is wrong with it."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise KitError(f"the manifest is not JSON: {error}", AGAIN) from None
    try:
        manifest = _read(document, content)
        _check(manifest)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise KitError(f"this program cannot read the manifest: {what}", AGAIN) from None
    return manifest


def _read(document: dict[str, Any], content: bytes) -> Manifest:
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']!r}; this program reads format {FORMAT}")
    server, gate = document["server"], document["gate"]
    return Manifest(
        release=document["release"],
        platform=document["platform"],
        python=document["python"],
        model=_model(document["model"]),
        runtime_id=document["runtime"]["id"],
        pip=document["runtime"]["pip"],
        server=Server(
            command=[str(word) for word in server["command"]],
            environment={str(key): str(value) for key, value in server["environment"].items()},
            java=server["java"],
            workers=int(server["workers"]),
            response_timeout=float(server["response_timeout"]),
            per_gpu=bool(server.get("per_gpu", False)),
        ),
        gate=Gate(
            requests=int(gate["requests"]),
            **{key: float(gate[key]) for key in LIMITS},
            more_worker_mb=float(gate.get("more_worker_mb", 0)),
        ),
        gateway=_gateway(document["gateway"]) if "gateway" in document else None,
        tolerance=float(document["golden"]["tolerance"]),
        golden=_golden(document["golden"]),
        others=[_other(row) for row in document.get("others", ())],
        parts=[Part(row["path"], row["sha256"], int(row["size"]), row["role"]) for row in document["parts"]],
        content=content,
    )


def _model(section: dict[str, Any]) -> Model:
    return Model(str(section["name"]), str(section["version"]), section["archive"], str(section["precision"]))


def _golden(section: dict[str, Any]) -> list[GoldenEntry]:
    return [
        GoldenEntry(row["file"], {str(label): float(p) for label, p in row["expected"].items()})
        for row in section["pictures"]
    ]


def _other(row: dict[str, Any]) -> OtherModel:
    return OtherModel(
        model=_model(row["model"]),
        workers=int(row["workers"]),
        response_timeout=float(row["response_timeout"]),
        requests=int(row["requests"]),
        p95_ms=float(row["p95_ms"]),
        in_flight=int(row["in_flight"]),
        queue=int(row["queue"]),
        about={str(name): str(words) for name, words in row["about"].items()},
        tolerance=float(row["golden"]["tolerance"]),
        golden=_golden(row["golden"]),
    )


def _gateway(section: dict[str, Any]) -> Gateway:
    return Gateway(
        program=_relative(section["program"]),
        in_flight=int(section["in_flight"]),
        body_bytes=int(section["body_bytes"]),
        about={str(name): str(words) for name, words in section["about"].items()},
        queue=int(section.get("queue", 0)),
    )


def _relative(path: str) -> str:
    """Raises ValueError for what would lead elsewhere."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or str(pure) != path or not all(NAME.fullmatch(name) for name in pure.parts):
        raise ValueError(f"{path!r} cannot be a path on a box: {ALLOWED}")
    return path


def _check(manifest: Manifest) -> None:
    """Names become paths here, and this program is root."""
    names = [one.model.name for one in manifest.models]
    for name in (manifest.release, *names, *(one.model.version for one in manifest.models)):
        if not is_name(name):
            raise ValueError(f"{name!r} cannot be a name on a box: {ALLOWED}")
    if len({name.lower() for name in names}) < len(names):
        raise ValueError("two models have one name, as nginx reads them")
    if not RUNTIME_ID.fullmatch(manifest.runtime_id):
        raise ValueError(f"runtime {manifest.runtime_id!r} is not 16 hexadecimal digits")
    for part in manifest.parts:
        _check_part(part)
    paths = {part.path for part in manifest.parts}
    if len(paths) != len(manifest.parts):
        raise ValueError("two parts have one path")
    for model in manifest.models:
        _check_model(model, paths)


def _check_model(manifest: Manifest, paths: set[str]) -> None:
    wanted = [manifest.model.archive, f"wheels/{manifest.pip}", *(golden.file for golden in manifest.golden)]
    for path in wanted:
        if path not in paths:
            raise ValueError(f"{path} is not among the parts")
    if not manifest.golden or not all(golden.expected for golden in manifest.golden):
        raise ValueError(f"{manifest.model.name} has no golden picture, so nothing could be proved")
    if manifest.server.workers < 0 or manifest.gate.requests < 1:
        raise ValueError("workers must not be negative, and gate.requests at least 1")


def _check_part(part: Part) -> None:
    _relative(part.path)
    if part.path in ("manifest.json", "manifest.json.sig"):
        raise ValueError(f"{part.path} cannot be a part")
    if not SHA256.fullmatch(part.sha256):
        raise ValueError(f"{part.path}: {part.sha256!r} is not a sha256")
    if part.role not in ROLES:
        raise ValueError(f"{part.path}: role {part.role!r} is unknown; known are {', '.join(ROLES)}")
    if part.size < 0 or (part.role == "wheel") != part.path.startswith("wheels/"):
        raise ValueError(f"{part.path}: wheels, and only they, lie in wheels/")
