"""The certificate that this machine's gateway shows: the operator's own, or one by the user's authority."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil

from common.errors import UsageError
from kit.gateway import certificates, places
from kit.gateway.certificates import Pair


def read_file(file: Path, variable: str) -> bytes:
    """What a variable names. Raises UsageError."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{variable}={file} cannot be read: {error.strerror}") from None


def own_names() -> list[str]:
    """What clients may call this machine: its host name, and every address but the link's own."""
    host = socket.gethostname()
    found = {address.address for all in psutil.net_if_addrs().values() for address in all if _is_ip(address)}
    return [*dict.fromkeys([host, "localhost", *sorted(found)])]


def _is_ip(address: object) -> bool:
    family, text = getattr(address, "family", None), getattr(address, "address", "")
    return family in (socket.AF_INET, socket.AF_INET6) and "%" not in text


def given_pair(certificate: str, key: str) -> Pair | None:
    """The operator's own, None where none is named. Raises as `own_certificate` does."""
    if bool(certificate) != bool(key):
        raise UsageError("CERTIFICATE and PRIVATE_KEY belong together", "give both, or neither")
    if not certificate:
        return None
    pair = Pair(read_file(Path(certificate), "CERTIFICATE"), read_file(Path(key), "PRIVATE_KEY"))
    certificates.check(pair)
    return pair


def own_certificate(given: str, key: str) -> tuple[Pair, Path | None]:
    """The pair that is given, or one by the authority of this user, issued anew when it is due; and what a client has
    to trust for the latter.

    Raises UsageError when one of the two is missing, KitError for what cannot be shown.
    """
    if pair := given_pair(given, key):
        return pair, None
    names = own_names()
    trust = places.authority() / certificates.CERTIFICATE
    there = certificates.read(places.certificate())
    if there and not certificates.is_due(there, names):
        return there, trust
    made = certificates.issue(certificates.authority(places.authority()), names)
    certificates.write(places.certificate(), made)
    return made, trust
