"""The certificate that a box's gateway shows. The workstation makes it, for this box alone.

It is kept in one file, whole or absent, with what is known of it: the standard library reads no certificate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from box.state.paths import Paths
from common import durable
from common.errors import UsageError
from common.gateway.nginx_files import Pem


@dataclass(frozen=True)
class Shown:
    """`ends` in seconds since 1970, 0 where nobody says; `names`: the host names and addresses that it is for;
    `client_ca`: whose certificates clients may come with instead of a key, b"" for none; `authority`: the SHA-256 of
    the one that issued it, "" for the operator's own."""

    pem: Pem
    ends: float
    names: Sequence[str]
    client_ca: bytes
    authority: str


def load(paths: Paths) -> Shown | None:
    """None when there is none, or it is not whole."""
    try:
        return mounted(paths) or _read(durable.read_object(paths.gateway_certificate))
    except (KeyError, TypeError, ValueError):
        return None


def mounted(paths: Paths) -> Shown | None:
    """A container's, from a secret: tls.crt and tls.key; client-ca.crt where clients may come with certificates."""
    try:
        pem = Pem((paths.gateway_pair / "tls.crt").read_bytes(), (paths.gateway_pair / "tls.key").read_bytes())
    except OSError:
        return None
    try:
        client_ca = (paths.gateway_pair / "client-ca.crt").read_bytes()
    except OSError:
        client_ca = b""
    return Shown(pem, 0.0, (), client_ca, "")


def save(paths: Paths, told: Mapping[str, Any]) -> bool:
    """As the workstation sends it: `certificate`, `key` and `client_ca` as PEM, the last None to leave it as it is,
    `ends`, `names`, `authority`. True when it is not the one before. Raises UsageError for anything else."""
    before = load(paths)
    try:
        if told["client_ca"] is None:
            told = {**told, "client_ca": before.client_ca.decode() if before else ""}
        _read(told)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"this is no certificate with its key: {error!r}", "make certificates HOSTS=…") from None
    paths.gateway_state.mkdir(parents=True, exist_ok=True)
    return durable.write_changed(paths.gateway_certificate, json.dumps(told, sort_keys=True).encode(), mode=0o600)


def _read(told: Mapping[str, Any]) -> Shown:
    pem = Pem(str(told["certificate"]).encode(), str(told["key"]).encode())
    names, authority = [str(name) for name in told["names"]], str(told["authority"])
    return Shown(pem, float(told["ends"]), names, str(told["client_ca"]).encode(), authority)
