"""Does a golden picture get its right answer through the gateway, as a client's would?"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from typing import Any

from box.gateway import nginx, planning
from box.state.paths import Paths
from common.errors import KitError
from common.gateway import keys
from common.gateway.address import Address
from common.manifest import GoldenEntry, Manifest
from common.server import answers

START_SECONDS = 20.0
POLL_SECONDS = 0.1


def prove(paths: Paths, manifest: Manifest, golden: GoldenEntry) -> None:
    """Raises KitError when it does not."""
    where = planning.wanted(paths)
    assert where
    _until_ready(paths, where)
    picture = (paths.release(manifest.release) / golden.file).read_bytes()
    with keys.passing(paths.gateway_keys) as key:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/octet-stream"}
        path, seconds = f"/predictions/{manifest.model.name}", manifest.server.response_timeout
        status, answer = ask(where, "POST", path, picture, headers, seconds)
    if status != 200:
        raise KitError(f"the gateway answered HTTP {status}: {str(answer)[:300]}")
    if wrong := answers.mismatch(golden.file, golden.expected, manifest.tolerance, answer):
        raise KitError(f"the gateway gives wrong answers: {wrong}")


def health(where: Address) -> str:
    """Why it is not ready, "" when it is. It takes a moment after a start or a reload."""
    try:
        status, said = ask(where, "GET", "/health", b"", {}, 5.0)
    except KitError as error:
        return error.message
    return "" if status == 200 else str(said.get("why", said) if isinstance(said, dict) else said)


def _until_ready(paths: Paths, where: Address) -> None:
    deadline = time.monotonic() + START_SECONDS
    while why := health(where):
        if time.monotonic() > deadline:
            cause = "" if nginx.of(paths).pid() else f": {nginx.of(paths).said()}"
            raise KitError(f"the gateway was not ready after {START_SECONDS:.0f} s: {why}{cause}")
        time.sleep(POLL_SECONDS)


def ask(
    where: Address, method: str, path: str, body: bytes, headers: dict[str, str], seconds: float
) -> tuple[int, Any]:
    """Its status, and its JSON. Its own word for its certificate is enough: what is asked is the way through, and not
    who owns the address. Raises KitError when there is no answer."""
    host = where.reached
    connection: http.client.HTTPConnection
    if where.tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, where.port, timeout=seconds, context=context)
    else:
        connection = http.client.HTTPConnection(host, where.port, timeout=seconds)
    try:
        connection.request(method, path, body=body or None, headers=headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise KitError(f"the gateway does not answer: {error}") from None
    finally:
        connection.close()
