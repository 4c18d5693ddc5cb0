"""A small HTTP server that answers as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit.bench.servers.loaded_server import LoadedServer

RIGHT = b'{"Banana": 0.97, "Lime": 0.02}'
Answer = Callable[[int], "tuple[int, bytes] | None"]
"""The how-manieth request (from 0) → status and body, or None to hang up."""


class SmallServer:
    """`asked` is how many requests came, `bodies` what they held, `tokens` with which Authorization;
    `with_errors` are headers of every answer from 400 on."""

    def __init__(self, answer: Answer) -> None:
        self.asked = 0
        self.bodies: set[bytes] = set()
        self.tokens: set[str | None] = set()
        self.with_errors: dict[str, str] = {}
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler) -> None:
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                with lock:
                    number = self.asked
                    self.asked += 1
                    self.bodies.add(body)
                    self.tokens.add(handler.headers["Authorization"])
                answered = answer(number)
                if answered is None:
                    handler.close_connection = True
                    return
                status, content = answered
                handler.send_response(status)
                handler.send_header("Content-Length", str(len(content)))
                if status >= 400:  # as TorchServe does
                    handler.send_header("Connection", "close")
                    for name, value in self.with_errors.items():
                        handler.send_header(name, value)
                handler.end_headers()
                handler.wfile.write(content)

            def log_message(handler, format: str, *values: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def target(self) -> LoadedServer:
        address = f"http://127.0.0.1:{self.http.server_address[1]}"
        return LoadedServer("small", address, "fruit", {"Authorization": "Bearer secret"})


Serve = Callable[[Answer], "SmallServer"]


@contextmanager
def servers() -> Iterator[Serve]:
    started: list[tuple[SmallServer, threading.Thread]] = []

    def start(answer: Answer) -> SmallServer:
        server = SmallServer(answer)
        thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((server, thread))
        return server

    try:
        yield start
    finally:
        for server, thread in started:
            server.http.shutdown()
            thread.join()
            server.http.server_close()
