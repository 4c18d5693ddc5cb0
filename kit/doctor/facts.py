"""What doctor looks at, as data. Findings are made of this and nothing else, so made-up machines test them."""

from __future__ import annotations

from dataclasses import dataclass, field

from kit.machine import Machine


@dataclass(frozen=True)
class TakenPort:
    """`key` is the property that gives it, `owner` who listens there; `own` is this profile's own server."""

    key: str
    port: int
    owner: str
    own: bool = False


@dataclass(frozen=True)
class ProfileFacts:
    """What a profile asks of the machine. Sizes in bytes; `missing` names what its files lack."""

    name: str
    workers: int
    workers_why: str
    threads: int
    precision: str
    heap: int
    needs_gpu: bool
    stock_worker: bool = False
    onnx: bool = False
    taken_ports: tuple[TakenPort, ...] = ()
    wrong: str = ""
    """Why its files cannot be read, "" when they can; the other values mean nothing then."""


@dataclass(frozen=True)
class Facts:
    """`cpu_quota` is a container's share in cores, None without one; `steal` the share of processor time that the
    hypervisor gave to somebody else, since boot; versions are "" for what is not installed."""

    machine: Machine
    flags: frozenset[str]
    cpu_quota: float | None
    governor: str
    steal: float
    load: float
    java: str
    python: str
    torch: str
    torchvision: str
    torchserve: str
    disk_free: int
    build_root: str
    writable: bool
    profiles: tuple[ProfileFacts, ...] = field(default=())
    certificate_days: int | None = None
    """Until the certificate that the kit issued for this machine's gateway ends; None where there is none."""
