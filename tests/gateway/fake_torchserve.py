"""What stands behind a gateway in these tests: it answers as TorchServe with the kit's handler does, and keeps what it
was asked."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "fruit"
GOLDEN = b"\xff\xd8 golden"
TIMING = "decode;dur=4.00, network;dur=12.00"
TOKENS = {
    "inference": {"key": "inference-token"},
    "management": {"key": "management-token"},
    "API": {"key": "api-token"},
}


def label(picture: bytes) -> str:
    """The answer to a picture: no two have the same."""
    return hashlib.sha256(picture).hexdigest()[:12]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Mood:
    """How it answers: `states` of the workers; `broken` a status with no handler behind it; `hold` keeps answers back
    until it is set."""

    states: list[str] = field(default_factory=lambda: ["READY", "READY"])
    broken: int = 0
    hold: threading.Event = field(default_factory=threading.Event)
    wrong: bool = False


class FakeTorchServe:
    def __init__(self, port: int = 0) -> None:
        self.asked: list[Asked] = []
        self.connections: list[socket.socket] = []
        self.mood = Mood()
        self.mood.hold.set()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                fake.asked.append(asked)
                status, document, timed = fake.answer(asked)
                content = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("x-request-id", "torchserve's own")
                if timed:
                    self.send_header("Server-Timing", TIMING)
                if status >= 400:  # as TorchServe does
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = handle_any

            def setup(self) -> None:
                super().setup()
                fake.connections.append(self.connection)

            def log_message(self, format: str, *values: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.http.server_address[1]

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def answer(self, asked: Asked) -> tuple[int, object, bool]:
        """Status, body, and whether the handler made it."""
        path, _, _ = asked.path.partition("?")
        if path.startswith("/models/"):
            workers = [{"id": str(9000 + i), "status": state} for i, state in enumerate(self.mood.states)]
            return 200, [{"modelName": MODEL, "modelVersion": "2.0", "workers": workers}], False
        if asked.body == GOLDEN:
            return 200, {"Banana" if not self.mood.wrong else "Lime": 0.9}, True
        if path.split("/")[2] != MODEL:
            return 404, {"code": 404, "type": "ModelNotFoundException", "message": "Model not found"}, False
        if self.mood.broken:
            return self.mood.broken, {"code": self.mood.broken, "type": "Java", "message": "a stack trace"}, False
        self.mood.hold.wait(30)
        if asked.body.startswith(b"slow"):
            time.sleep(0.3)
        if asked.body.startswith(b"bad"):
            refusal = {"code": 415, "type": "UnsupportedMediaTypeException", "message": "This is not a picture."}
            return 415, refusal, True
        topk = asked.headers.get("topk", "2")
        if not topk.isdecimal() or topk.strip("0") == "":
            return 400, {"code": 400, "type": "BadRequestException", "message": "topk must be a whole number"}, True
        classes = min(int(topk[:9]), 10)
        return 200, {label(asked.body): 0.75, **{f"other {i}": 0.1 / i for i in range(1, classes)}}, True

    def predictions(self) -> list[Asked]:
        """What came for clients: all but what the gateway asked for its own health."""
        return [one for one in self.asked if not one.path.startswith("/models/") and one.body != GOLDEN]
