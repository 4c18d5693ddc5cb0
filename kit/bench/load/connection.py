"""One HTTP/1.1 connection of the load generator: sends a prepared request, waits for the whole answer, goes on.

Only what TorchServe and the proxies before it do: keep-alive, answers with a Content-Length.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from urllib.parse import urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
# Longer than a client waits, shorter than TorchServe's own 120 s: a window ends in bounded time.
TIMEOUT = 60.0


class Connection(asyncio.Protocol):
    """Opened by the first request, and again by the one after an error: TorchServe hangs up on every 4xx and 5xx."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[str] | None = None
        self._received = b""

    async def ask(self, request: bytes) -> str:
        """Send it and wait. Returns "" for a right answer, else what kind of error it was."""
        if self._transport is None:
            try:
                await asyncio.wait_for(self._open(), TIMEOUT)
            except (OSError, asyncio.TimeoutError) as error:
                return f"not connected: {type(error).__name__}"
        assert self._transport
        self._received = b""
        self._answer = self._loop.create_future()
        timer = self._loop.call_later(TIMEOUT, self._fail, f"no answer in {TIMEOUT:.0f} s")
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            timer.cancel()

    async def _open(self) -> None:
        if self._url.startswith("unix:"):
            await self._loop.create_unix_connection(lambda: self, self._url.removeprefix("unix:"))
            return
        parts = urlsplit(self._url)
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if secure else 80)
        await self._loop.create_connection(lambda: self, parts.hostname or "", port, ssl=secure)

    def close(self) -> None:
        if self._transport:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is None:
            return  # closed from here; a later request may be on its way through a new one
        self._fail(f"connection lost: {type(exc).__name__}" if exc else "connection closed without an answer")

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head, body = self._received[:end], self._received[end + 4 :]
        length = LENGTH.search(head)
        if not length:
            self._fail("answer without Content-Length")
        elif len(body) >= int(length[1]):
            status = int(head[9:12])
            if status >= 400 or CLOSES.search(head):
                self.close()
            self._finish(error_in(status, body))

    def _fail(self, error: str) -> None:
        self.close()
        self._finish(error)

    def _finish(self, error: str) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(error)


def error_in(status: int, body: bytes) -> str:
    """ "" for HTTP 200 with `{label: probability, …}`, else the kind of error."""
    if status != 200:
        return f"HTTP {status}"
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    labelled = isinstance(answer, dict) and answer and all(isinstance(value, float) for value in answer.values())
    return "" if labelled else "HTTP 200 without a label"


def request(url: str, path: str, headers: dict[str, str], picture: bytes) -> bytes:
    """A whole POST request, which every server takes; some know no PUT."""
    parts = urlsplit(url)
    fields = {"Host": parts.netloc or "localhost", **headers, "Content-Length": str(len(picture))}
    base = "" if url.startswith("unix:") else parts.path.rstrip("/")
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {base}{path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + picture
