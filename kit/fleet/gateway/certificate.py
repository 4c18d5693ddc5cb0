"""A certificate for each box that serves beyond itself: by the authority of this workstation, or the operator's own."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.fleet.ssh.commands import HERE
from kit.fleet.ssh.remote import BoxError, Event
from kit.gateway import certificates
from kit.gateway.certificates import Pair

# RFC 1123; an underscore, too, which some networks' names have.
LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
HOST = re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*")


@dataclass(frozen=True)
class Given:
    """The operator's own. `client_ca`: whose certificates clients may come with, None to leave that as it is."""

    pair: Pair | None = None
    client_ca: str | None = None


def names(box: str, told: Sequence[str]) -> list[str]:
    """What clients may call a box: as ssh does, and as it calls itself."""
    known = dict.fromkeys([*([] if box == HERE else [box]), *told])
    return [name for name in known if _is_ip(name) or HOST.fullmatch(name)]


def _is_ip(name: str) -> bool:
    try:
        return "%" not in name and bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def wanted(box: str, gateway: Event | None, authority: Path, given: Given) -> tuple[dict[str, Any], str] | None:
    """What to send to a box that says this of its gateway, and why; None when what it has is good. Raises BoxError for
    one whose clients trust another authority than this workstation's."""
    if not gateway or not gateway.get("tls"):
        return None
    shown = gateway.get("certificate") or {}
    if given.pair:
        return _document(given.pair, given, ""), "the one that was given"
    why = _due(box, gateway, shown, given.client_ca is not None)
    if not why:
        return None
    own = certificates.authority(authority)
    ours = fingerprint(own)
    if shown and shown.get("authority") != ours and not _ended(shown):
        by = f"authority {str(shown['authority'])[:16]}…" if shown.get("authority") else "somebody else"
        raise BoxError(
            f"its certificate is to be renewed ({why}), but it is by {by}, and clients that trust that would not trust "
            f"this workstation's → bring {authority} here from the workstation that made it, or give CERTIFICATE= and "
            "PRIVATE_KEY="
        )
    made = certificates.issue(own, names(box, gateway.get("names") or ()))
    return _document(made, given, ours), why


def _due(box: str, gateway: Event, shown: Event, other_clients: bool) -> str:
    if not shown:
        return certificates.NONE
    if other_clients:
        return "clients may come with other certificates"
    if not shown.get("authority"):
        return ""  # somebody's own, who looks after it
    ends = datetime.datetime.fromtimestamp(float(shown["ends"]), datetime.timezone.utc)
    return certificates.why_due(shown["names"], ends, names(box, gateway.get("names") or ()))


def _ended(shown: Event) -> bool:
    return float(shown["ends"]) < datetime.datetime.now(datetime.timezone.utc).timestamp()


def fingerprint(authority: Pair) -> str:
    return hashlib.sha256(authority.certificate).hexdigest()


def _document(pair: Pair, given: Given, authority: str) -> dict[str, Any]:
    return {
        "certificate": pair.certificate.decode(),
        "key": pair.key.decode(),
        "client_ca": given.client_ca,
        "ends": pair.ends.timestamp(),
        "names": pair.names,
        "authority": authority,
    }
