"""How the gateway of this box stands: for status and doctor, and for whoever renews its certificate."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from box.gateway import certificate, nginx, planning, proof
from box.state import settings
from box.state.paths import Paths
from box.store import releases
from box.system import names
from common.gateway.address import is_local

# The workstation renews a certificate with a third of its life left (kit/gateway/certificates.py): one that is nearer
# to its end than this was not looked after.
SOON_DAYS = 30
DAY_SECONDS = 86400.0


def status(paths: Paths, release: str | None) -> dict[str, Any] | None:
    """None where none is wanted. `names`: what clients may call this box; `ends`: by this box's clock, which may be
    wrong."""
    where = planning.wanted(paths)
    if not where:
        return None
    shown = certificate.load(paths) if where.tls else None
    why = planning.lacking(paths, where, releases.loaded(paths, release))
    if not why:
        why = proof.health(where) if nginx.of(paths).pid() else f"it does not run: {nginx.of(paths).said()}"
    return {
        "address": where.listen,
        "tls": where.tls,
        "ready": not why,
        "why_not": why or None,
        "names": names.own() if where.tls else [],
        "certificate": _described(shown) if shown and shown.ends else None,
    }


def _exposed(address: str) -> list[tuple[str, str]]:
    if is_local(str(urlsplit(address).hostname)):
        return []
    said = f"TorchServe itself faces the network at {address}, and it gets no security patches any more"
    return [(said, "gateway_address in the fleet file, and make deploy")]


def _described(shown: certificate.Shown) -> dict[str, Any]:
    return {"names": list(shown.names), "ends": shown.ends, "authority": shown.authority}


def troubles(paths: Paths, release: str | None) -> list[tuple[str, str]]:
    """What is or will be in its way, each with what to do."""
    told = status(paths, release)
    if not told:
        return _exposed(settings.load(paths).inference_address)
    found = []
    if told["why_not"]:
        found.append((f"the gateway at {told['address']} is not ready: {told['why_not']}", "box.pyz logs"))
    if told["certificate"]:
        left = (told["certificate"]["ends"] - time.time()) / DAY_SECONDS
        day = planning.day(told["certificate"]["ends"])
        if left < SOON_DAYS:
            said = f"ended on {day}" if left < 0 else f"ends on {day}"
            found.append((f"the gateway's certificate {said}, by this box's clock", "make certificates HOSTS=…"))
    return found
