"""Where a gateway listens, from `GATEWAY=` or a profile's `gateway_address`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from common.errors import UsageError

KEY = "gateway_address"
HERE = "http://127.0.0.1:8000"
OFF = "0"
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (not bound here: where to ask instead)


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    tls: bool

    @property
    def listen(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def reached(self) -> str:
        """The host by which this machine itself reaches it."""
        return WILDCARDS.get(self.host, self.host)

    def url(self, name: str) -> str:
        """Where clients reach it; `name` stands for an address that means all of them."""
        host = name if ipaddress.ip_address(self.host).is_unspecified else self.host
        return f"http{'s' if self.tls else ''}://{f'[{host}]' if ':' in host else host}:{self.port}"


def is_local(host: str) -> bool:
    """Does this machine alone reach it?"""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse(text: str) -> Address | None:
    """None when there is to be no gateway. `1` is this machine's own; TLS is on beyond it unless `http://` is written.

    Raises UsageError.
    """
    if text in ("", OFF):
        return None
    given = HERE if text == "1" else text
    scheme, _, rest = given.rpartition("://")
    try:
        parts = urlsplit(f"//{rest}")
        host, port = ipaddress.ip_address(parts.hostname or ""), parts.port
    except ValueError:
        port = None
    if not port or scheme not in ("", "http", "https") or parts.path.strip("/") or parts.query:
        raise UsageError(
            f"{text} is not an address for a gateway to listen at",
            "0.0.0.0:8443 for every network of this machine, 1 for this machine alone",
        )
    return Address(str(host), port, scheme == "https" or (not scheme and not host.is_loopback))
