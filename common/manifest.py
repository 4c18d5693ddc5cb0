"""A release's manifest.json: what it is made of and how a box runs it. How it is read: manifest_reading.py."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # what torch-model-archiver takes
SHA256 = re.compile(r"[0-9a-f]{64}")
AGAIN = "make the bundle again: make bundle"
OF_MEMORY = ("memory_mb", "memory_free_mb", "second_worker_mb")


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
    """How the release is started; words in {} are this box's paths. `workers` 0: one for each processor there, or with
    `per_gpu` for each GPU."""

    command: Sequence[str]
    environment: Mapping[str, str]
    java: str
    workers: int
    response_timeout: float
    per_gpu: bool = False


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
class OtherModel:
    """One that the same server has beside the first. `in_flight`, `queue` and `about` are as a gateway's."""

    model: Model
    workers: int
    response_timeout: float
    requests: int
    p95_ms: float
    in_flight: int
    queue: int
    about: Mapping[str, str]
    tolerance: float
    golden: Sequence[GoldenEntry]


@dataclass(frozen=True)
class Machine:
    """How many of each a machine has: counted when it is asked, and never below 0."""

    processors: Callable[[], int]
    gpus: Callable[[], int]


@dataclass(frozen=True)
class Manifest:
    """`model`, `golden` and the like are of the first model of its server, `others` of those beside it."""

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
    others: Sequence[OtherModel] = ()

    @property
    def models(self) -> list[Manifest]:
        """One for each model of its server, as if the release were of that model alone."""
        return [replace(self, others=()), *map(self._of, self.others)]

    def _of(self, other: OtherModel) -> Manifest:
        front = self.gateway and replace(self.gateway, in_flight=other.in_flight, queue=other.queue, about=other.about)
        return replace(
            self,
            model=other.model,
            server=replace(self.server, workers=other.workers, response_timeout=other.response_timeout),
            gate=replace(self.gate, requests=other.requests, p95_ms=other.p95_ms),
            gateway=front,
            tolerance=other.tolerance,
            golden=other.golden,
            others=(),
        )

    @property
    def words(self) -> str:
        """Each model with its version."""
        return ", ".join(f"{one.model.name} {one.model.version}" for one in self.models)

    @property
    def document(self) -> dict[str, Any]:
        """What `content` says, with what this program does not read."""
        document: dict[str, Any] = json.loads(self.content)
        return document

    def blobs(self) -> dict[str, int]:
        """Sizes by sha256: what has to travel, each content once."""
        return {part.sha256: part.size for part in self.parts}

    def sha256(self, path: str) -> str:
        """Of a part."""
        return next(part.sha256 for part in self.parts if part.path == path)

    def of_role(self, *roles: str) -> list[Part]:
        return [part for part in self.parts if part.role in roles]

    def on(self, machine: Machine) -> Manifest:
        """With the numbers that it leaves to the machine worked out for this one. Without the GPUs that it is for it
        has no worker."""
        open_ended = [self.server.workers, *(other.workers for other in self.others)].count(0)
        if not open_ended:
            return self
        each = machine.gpus() if self.server.per_gpu else machine.processors()
        more = open_ended * max(0, each - 1) * self.gate.more_worker_mb
        limits = {name: getattr(self.gate, name) + more for name in OF_MEMORY}
        front, server = self.gateway, self.server
        if not server.workers:
            server = replace(server, workers=each)
            front = front and replace(front, in_flight=_in_flight(front, each))
        others = [
            other if other.workers else replace(other, workers=each, in_flight=_in_flight(other, each))
            for other in self.others
        ]
        return replace(self, server=server, gate=replace(self.gate, **limits), gateway=front, others=others)

    @property
    def wheels(self) -> list[Part]:
        return self.of_role("wheel")

    @property
    def unpacked(self) -> list[Part]:
        """The parts that lie in the release's folder; wheels only make its runtime."""
        return [part for part in self.parts if part.role != "wheel"]


def _in_flight(one: Gateway | OtherModel, workers: int) -> int:
    return max(1, min(one.queue, workers * one.in_flight))
