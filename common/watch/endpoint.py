"""A watcher's unix socket: for the gateway, and for who may look into the folder that it lies in.

GET /metrics    everything, as it is now, for Prometheus
GET /flush      answered when the record is on the disk, which is written only now and then
GET /alerts     JSON: what is wrong now, by name, in words
"""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from common.errors import KitError
from common.server.torchserve import Api, UnixConnection
from common.watch.exposition import CONTENT_TYPE

METRICS, FLUSH, ALERTS = "/metrics", "/flush", "/alerts"
READ_SECONDS = 10.0


def read(socket: Path) -> str:
    """The metrics. Raises Unreachable when nobody tells them."""
    return _Near(f"unix:{socket}", {}).ask("its metrics", "GET", METRICS, READ_SECONDS).decode()


def flush(socket: Path) -> None:
    """Have what happened until now written into the record. A server that has ended has done so."""
    with suppress(KitError):
        _Near(f"unix:{socket}", {}).ask("its record", "GET", FLUSH, READ_SECONDS)


def alerts(socket: Path) -> dict[str, str]:
    """What is wrong there now, by name, in words; nothing where nobody watches."""
    try:
        told = json.loads(_Near(f"unix:{socket}", {}).ask("its alerts", "GET", ALERTS, READ_SECONDS))
    except (KitError, ValueError):
        return {}
    return {str(name): str(words) for name, words in told.items()}


class _Near(Api):
    """By way of the socket's folder: its whole path may be longer than a socket's can be."""

    def connection(self, timeout: float) -> UnixConnection:
        return _NearConnection(self.address.removeprefix("unix:"), timeout)


class _NearConnection(UnixConnection):
    def connect(self) -> None:
        whole = Path(self.path)
        folder = os.open(whole.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            self.path = f"/proc/self/fd/{folder}/{whole.name}"
            super().connect()
        finally:
            os.close(folder)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def listen(socket: Path, answers: Mapping[str, Callable[[], str]]) -> Callable[[], None]:
    """Answer each path with what its function returns, in threads of its own, until what is returned here is called.
    Raises OSError where there can be no socket."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if self.path not in answers:
                self.send_error(404)
                return
            content = answers[self.path]().encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def address_string(self) -> str:
            return "local"

        def log_message(self, format: str, *values: object) -> None:
            """Nobody reads it."""

    socket.unlink(missing_ok=True)
    server = _Server(str(socket), Handler)
    socket.chmod(0o600)
    threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        socket.unlink(missing_ok=True)

    return close
