"""Requests as odd as a check needs them; whatever is asked as a client asks it goes through common/torchserve."""

from __future__ import annotations

import httpx


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
