"""Too many, too slow, too large: each beside a client who goes on asking."""

from __future__ import annotations

import io
import resource
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
from PIL import Image

from tests.attack.server import Attacked

# Whoever floods has an address of its own: what one may have under way is limited by address.
ATTACKER = "127.0.0.66"


@contextmanager
def connections(server: Attacked, count: int) -> Iterator[list[socket.socket]]:
    """As many open ones as the gateway and this process allow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 500)), hard))
    opened = []
    try:
        for _ in range(count):
            with suppress(OSError):
                address = ("127.0.0.1", server.port)
                opened.append(socket.create_connection(address, timeout=2, source_address=(ATTACKER, 0)))
        yield opened
    finally:
        for one in opened:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def asks(server: Attacked, times: int = 5) -> None:
    """Raises AssertionError when an honest client is not answered."""
    with httpx.Client(base_url=server.address, headers=server.headers, timeout=30, trust_env=False) as client:
        for _ in range(times):
            answer = client.post(f"/predictions/{server.model}", content=server.golden.picture.read_bytes())
            assert answer.status_code == 200, answer.text


def silent_connections(server: Attacked, count: int) -> str:
    with connections(server, count) as opened:
        asks(server)
        return f"{len(opened):,} silent connections"


def slow_headers(server: Attacked, count: int, seconds: float) -> str:
    with connections(server, count) as opened:
        end = time.monotonic() + seconds
        for one in opened:
            with suppress(OSError):
                one.sendall(b"POST /predictions/x HTTP/1.1\r\nHost: a\r\n")
        while time.monotonic() < end:
            for one in opened:
                with suppress(OSError):
                    one.sendall(b"X: y\r\n")
            asks(server, 1)
        return f"{count} clients that send a header a second"


def slow_bodies(server: Attacked, count: int, seconds: float) -> str:
    head = f"POST /predictions/{server.model} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.key}\r\n"
    with connections(server, count) as opened:
        end = time.monotonic() + seconds
        for one in opened:
            with suppress(OSError):
                one.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode())
        while time.monotonic() < end:
            for one in opened:
                with suppress(OSError):
                    one.sendall(bytes(1))
            asks(server, 1)
        return f"{count} clients that send a byte a second"


def many_headers(server: Attacked, count: int) -> str:
    lines = "".join(f"X-{index}: {'y' * 50}\r\n" for index in range(900))
    for _ in range(count):
        received = server.send(f"GET /health HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode(), 1.0)
        assert received.startswith(b"HTTP/1.1 431 "), received[:200]
    asks(server)
    return f"{count} requests with 900 headers"


def wrong_keys(server: Attacked, count: int) -> str:
    with httpx.Client(base_url=server.address, timeout=30, trust_env=False) as client:
        for index in range(count):
            headers = {"Authorization": f"Bearer vs_{index:043d}"}
            assert client.post(f"/predictions/{server.model}", content=b"x", headers=headers).status_code == 401
    asks(server)
    return f"{count:,} wrong keys"


def _png_bomb() -> bytes:
    """A few kB that say they are 50,000 × 50,000."""
    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def _polyglot() -> bytes:
    """A right JPEG that is a page with a script, too."""
    written = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(written, "JPEG", comment=b"<script>alert(1)</script>")
    return written.getvalue() + b"<html><script>alert(1)</script>PK\x03\x04"


def bombs(server: Attacked) -> str:
    """Files that are small and want to be large, and files that are two things, by every way to ask."""
    packed = zlib.compress(bytes(200 << 20))
    cases: list[tuple[bytes, dict[str, str]]] = [
        (_png_bomb(), {}),
        (_polyglot(), {}),
        (packed, {"Content-Encoding": "deflate"}),
        (b"[" * 1_000_000, {"Content-Type": "application/json"}),
        (b'{"data": ' * 100_000, {}),
    ]
    protocols = ("/v1/models/{}:predict", "/v2/models/{}/infer", "/predictions/{}")
    with httpx.Client(base_url=server.address, headers=server.headers, timeout=60, trust_env=False) as client:
        for body, headers in cases:
            for path in protocols:
                answer = client.post(path.format(server.model), content=body, headers=headers)
                assert answer.status_code in (200, 400, 413, 415, 422), (path, body[:20], answer.text[:300])
                assert "script" not in answer.text
                assert answer.headers["Content-Type"].startswith("application/json")
    asks(server)
    return f"{len(cases)} bombs and polyglots, {len(protocols)} ways"
