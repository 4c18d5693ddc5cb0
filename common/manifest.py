"""A release's manifest.json: what it is made of and how a box runs it. Read only once its signature was checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from common.errors import KitError

FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
ALLOWED = "letters, digits and . _ + - only"
SHA256 = re.compile(r"[0-9a-f]{64}")
RUNTIME_ID = re.compile(r"[0-9a-f]{16}")
AGAIN = "make the bundle again: make bundle"
OF_MEMORY = ("memory_mb", "memory_free_mb", "second_worker_mb")
LIMITS = ("p95_ms", "ready_seconds", *OF_MEMORY)
ROLES = ("archive", "config", "golden", "unit", "program", "sbom", "licenses", "wheel")


def is_name(value: object) -> bool:
    """May it become a path of this box's?"""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


@dataclass(frozen=True)
class Part:
    path: str
    sha256: str
    size: int
    role: str


@dataclass(frozen=True)
class Model:
    name: str
    version: str
    archive: str
    precision: str


@dataclass(frozen=True)
class Server:
    """How the release is started; words in {} are this box's paths. `workers` 0: one for each processor there."""

    command: Sequence[str]
    environment: Mapping[str, str]
    java: str
    workers: int
    response_timeout: float


@dataclass(frozen=True)
class Gate:
    """What a release must keep to. Milliseconds, megabytes (10^6 bytes) and seconds. `more_worker_mb`: what each worker
    after the first adds to every limit of memory, where their number is left to the machine."""

    requests: int
    p95_ms: float
    memory_mb: float
    ready_seconds: float
    memory_free_mb: float
    second_worker_mb: float
    more_worker_mb: float = 0.0


@dataclass(frozen=True)
class Gateway:
    """The nginx in front of it. `program`: its file, below the runtime's site-packages. `in_flight`: how many requests
    TorchServe has at a time; where the number of workers is left to the machine, for each of them, and `queue` at most.
    `body_bytes`: the largest request. `about`: what the page says of the release."""

    program: str
    in_flight: int
    body_bytes: int
    about: Mapping[str, str]
    queue: int = 0


@dataclass(frozen=True)
class GoldenEntry:
    file: str
    expected: Mapping[str, float]


@dataclass(frozen=True)
class Manifest:
    release: str
    platform: str
    python: str
    model: Model
    runtime_id: str
    pip: str
    server: Server
    gate: Gate
    gateway: Gateway | None
    """None in a bundle of a kit that had none."""
    tolerance: float
    golden: Sequence[GoldenEntry]
    parts: Sequence[Part]
    content: bytes
    """As signed, to be passed on unchanged."""

    @property
    def document(self) -> dict[str, Any]:
        """What `content` says, with what this program does not read."""
        document: dict[str, Any] = json.loads(self.content)
        return document

    def blobs(self) -> dict[str, int]:
        """Sizes by sha256: what has to travel, each content once."""
        return {part.sha256: part.size for part in self.parts}

    def of_role(self, *roles: str) -> list[Part]:
        return [part for part in self.parts if part.role in roles]

    def on(self, processors: int) -> Manifest:
        """With the numbers that it leaves to the machine worked out for one that has so many."""
        if self.server.workers:
            return self
        more = (processors - 1) * self.gate.more_worker_mb
        limits = {name: getattr(self.gate, name) + more for name in OF_MEMORY}
        front = self.gateway and replace(
            self.gateway, in_flight=max(1, min(self.gateway.queue, processors * self.gateway.in_flight))
        )
        server, gate = replace(self.server, workers=processors), replace(self.gate, **limits)
        return replace(self, server=server, gate=gate, gateway=front)

    @property
    def wheels(self) -> list[Part]:
        return self.of_role("wheel")

    @property
    def unpacked(self) -> list[Part]:
        """The parts that lie in the release's folder; wheels only make its runtime."""
        return [part for part in self.parts if part.role != "wheel"]


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
    model, server, gate = document["model"], document["server"], document["gate"]
    return Manifest(
        release=document["release"],
        platform=document["platform"],
        python=document["python"],
        model=Model(str(model["name"]), str(model["version"]), model["archive"], str(model["precision"])),
        runtime_id=document["runtime"]["id"],
        pip=document["runtime"]["pip"],
        server=Server(
            command=[str(word) for word in server["command"]],
            environment={str(key): str(value) for key, value in server["environment"].items()},
            java=server["java"],
            workers=int(server["workers"]),
            response_timeout=float(server["response_timeout"]),
        ),
        gate=Gate(
            requests=int(gate["requests"]),
            **{key: float(gate[key]) for key in LIMITS},
            more_worker_mb=float(gate.get("more_worker_mb", 0)),
        ),
        gateway=_gateway(document["gateway"]) if "gateway" in document else None,
        tolerance=float(document["golden"]["tolerance"]),
        golden=[
            GoldenEntry(row["file"], {str(label): float(p) for label, p in row["expected"].items()})
            for row in document["golden"]["pictures"]
        ],
        parts=[Part(row["path"], row["sha256"], int(row["size"]), row["role"]) for row in document["parts"]],
        content=content,
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
    for name in (manifest.release, manifest.model.name, manifest.model.version):
        if not is_name(name):
            raise ValueError(f"{name!r} cannot be a name on a box: {ALLOWED}")
    if not RUNTIME_ID.fullmatch(manifest.runtime_id):
        raise ValueError(f"runtime {manifest.runtime_id!r} is not 16 hexadecimal digits")
    for part in manifest.parts:
        _check_part(part)
    paths = {part.path for part in manifest.parts}
    if len(paths) != len(manifest.parts):
        raise ValueError("two parts have one path")
    wanted = [manifest.model.archive, f"wheels/{manifest.pip}", *(golden.file for golden in manifest.golden)]
    for path in wanted:
        if path not in paths:
            raise ValueError(f"{path} is not among the parts")
    if not manifest.golden or not all(golden.expected for golden in manifest.golden):
        raise ValueError("it has no golden picture, so nothing could be proved")
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
