"""A gateway that can be started: where it listens, what it passes on to TorchServe, and how much of it."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import UsageError
from common.gateway.address import Address
from common.gateway.nginx_conf import MOST_PROCESSES, Gateway
from common.gateway.nginx_files import Files
from kit import __version__
from kit.build import PROJECT
from kit.gateway import nginx, places
from kit.gateway.own_certificate import own_certificate, read_file

# For each worker so many in flight: enough that none waits for the next, few enough that the last of them is answered
# in some eight times what one takes.
IN_FLIGHT_PER_WORKER = 8
LOG_BYTES = 5 << 20  # then another is begun, and the one before kept


@dataclass(frozen=True)
class Wanted:
    """What the operator says of a gateway. `address` is GATEWAY; the others are files, or "" for the kit's own."""

    address: str = ""
    certificate: str = ""
    private_key: str = ""
    client_ca: str = ""
    nginx: str = ""


@dataclass(frozen=True)
class BehindModel:
    """One that it serves, with how many requests TorchServe has of it at a time. `golden`: the folder of its pictures.
    `about`: what the page says of it, as words."""

    name: str
    in_flight: int
    golden: Path
    about: Mapping[str, str]


@dataclass(frozen=True)
class Behind:
    """The TorchServe that a gateway is for. `upstream` is `host:port`; `metrics` the socket of who watches it; the
    others are URLs, and files. `about` is what the page says of the server, as words."""

    upstream: str
    inference: str
    management: str
    metrics: Path
    models: Sequence[BehindModel]
    tokens: Path
    body_bytes: int
    response_timeout: float
    about: Mapping[str, str]


@dataclass(frozen=True)
class GatewayPlan:
    """`trust` is the authority's certificate that clients need, where it is the kit's own."""

    address: Address
    folder: Path
    files: Files
    trust: Path | None

    @property
    def url(self) -> str:
        return self.address.url(socket.gethostname())


def in_flight(workers: int, batch: int, queue: int) -> int:
    """How many requests TorchServe has at a time: what keeps its workers busy, and never more than its queue takes."""
    return max(1, min(queue, workers * batch * IN_FLIGHT_PER_WORKER))


def plan(address: Address, wanted: Wanted, folder: Path, behind: Behind, cores: int) -> GatewayPlan:
    """Raises UsageError or KitError for what is in the way of it."""
    if wanted.client_ca and not address.tls:
        raise UsageError("CLIENT_CA wants TLS, and this gateway has none", "GATEWAY=https://…")
    conf = Gateway(
        listen=address.listen,
        tls=address.tls,
        client_ca=bool(wanted.client_ca),
        upstream=behind.upstream,
        in_flight={model.name: model.in_flight for model in behind.models},
        body_bytes=behind.body_bytes,
        seconds=behind.response_timeout,
        processes=min(cores, MOST_PROCESSES),
        # nginx would give up root's rights, and with them the files that are for root only, as TorchServe's are.
        user=pwd.getpwuid(0).pw_name if os.geteuid() == 0 else "",
    )
    certificate, trust = own_certificate(wanted.certificate, wanted.private_key) if address.tls else (None, None)
    about = dict(behind.about)
    if certificate:
        about["certificate until"] = f"{certificate.ends:%Y-%m-%d}"
    settings = {
        "version": __version__,
        "models": {model.name: {"about": model.about} for model in behind.models},
        "inference": behind.inference,
        "management": behind.management,
        "body_bytes": behind.body_bytes,
        "tokens": str(behind.tokens),
        "keys": str(places.keys()),
        "log_bytes": LOG_BYTES,
        "about": about,
        "certificate_ends": certificate.ends.timestamp() if certificate else 0,
    }
    authority = read_file(Path(wanted.client_ca), "CLIENT_CA") if wanted.client_ca else b""
    golden = {model.name: model.golden for model in behind.models}
    files = Files(PROJECT, nginx.binary(wanted.nginx), conf, settings, behind.metrics, golden, certificate, authority)
    return GatewayPlan(address, folder, files, trust)
