"""Open connections to the server that is checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from common.errors import KitError
from common.server.torchserve import Management
from kit.golden import Golden
from kit.signals import Interrupts
from kit.smoke.footprint import Snapshot
from kit.smoke.outcome import NotChecked
from kit.smoke.target import CheckedServer

PREDICT_SECONDS = 60.0
REACH_SECONDS = 5.0


@dataclass
class Session:
    """What every check is given. `before` is the server as it was found, None when that could not be asked."""

    target: CheckedServer
    inference: httpx.Client
    management_api: Management | None
    interrupts: Interrupts = field(default_factory=Interrupts)
    before: Snapshot | None = None

    @property
    def golden(self) -> Golden:
        return self.target.golden[0]

    @property
    def predictions(self) -> str:
        return f"/predictions/{self.target.model}"

    @property
    def management(self) -> Management:
        """Raises NotChecked when its address is not known."""
        if not self.management_api:
            raise NotChecked("MANAGEMENT_URL not given")
        return self.management_api

    def found(self) -> Snapshot:
        """The state to come back to; what changes the server asks for it first. Raises NotChecked without one."""
        if not self.before:
            raise NotChecked("how the server was before could not be asked, so nothing is changed")
        return self.before


@contextmanager
def connect(target: CheckedServer) -> Iterator[Session]:
    """Raises KitError within seconds when nothing answers at the inference address."""
    with client(target.url, target.headers, PREDICT_SECONDS) as inference:
        try:
            inference.get("/ping", timeout=REACH_SECONDS)
        except httpx.TransportError as error:
            raise KitError(f"no server answers at {target.url}: {error}", "make status; or is URL right?") from None
        url = target.management_url
        yield Session(target, inference, Management(url, target.management_headers) if url else None)


def client(address: str, headers: dict[str, str], timeout: float = 10.0) -> httpx.Client:
    """An HTTP client of one address, `http://…` or `unix:/path`; proxies and the user's .netrc stay out of it."""
    if address.startswith("unix:"):
        transport = httpx.HTTPTransport(uds=address.removeprefix("unix:"))
        return httpx.Client(
            transport=transport,
            base_url="http://localhost",
            headers=headers,
            timeout=timeout,
            trust_env=False,
        )
    return httpx.Client(base_url=address, headers=headers, timeout=timeout, trust_env=False)
