"""A session with a fake TorchServe whose answers a test can break, and a small real metrics server."""

from __future__ import annotations

import itertools
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from common.errors import Unreachable
from common.server.torchserve import ApiError, Management
from kit.golden import Golden
from kit.smoke.session import Session
from kit.smoke.target import CheckedServer
from tests.kit.smoke.fake_torchserve import MODEL, TOKEN, FakeTorchServe

Serve = Callable[[str], str]


@dataclass(frozen=True)
class FakeManagement(Management):
    """Asks through an httpx client, whose transport is the fake."""

    http: httpx.Client

    def ask(
        self, what: str, method: str, path: str, timeout: float, body: bytes | None = None, token: str = ""
    ) -> bytes:
        assert isinstance(self.opened_by, dict)
        try:
            response = self.http.request(method, path, headers=self.opened_by)
        except httpx.HTTPError as error:
            raise Unreachable(f"{what}: {error}") from None
        if response.status_code >= 400:
            raise ApiError(what, response.status_code, response.content)
        return response.content


@pytest.fixture
def golden(tmp_path: Path) -> list[Golden]:
    pictures = []
    for label in ("Lime", "Banana"):
        picture = tmp_path / f"{label}.jpg"
        picture.write_bytes(b"\xff\xd8" + label.encode() * 20)
        pictures.append(Golden(picture, {label: 0.9, "Other": 0.1}, 0.05))
    return pictures


@pytest.fixture
def fake(golden: list[Golden]) -> FakeTorchServe:
    return FakeTorchServe(golden)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "model-store"
    folder.mkdir()
    with zipfile.ZipFile(folder / "net.mar", "w") as archive:
        archive.writestr("model.pt", b"weights")
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": {"modelVersion": "1.0"}}))
    return folder


@pytest.fixture
def session(fake: FakeTorchServe, store: Path, tmp_path: Path) -> Iterator[Session]:
    """Everything given but the addresses of metrics and gRPC."""
    target = CheckedServer("http://i", "http://m", "", "", MODEL, fake.golden, TOKEN, TOKEN, store, tmp_path / "temp")
    transport = httpx.MockTransport(fake)
    with (
        httpx.Client(transport=transport, base_url=target.url, headers=TOKEN) as inference,
        httpx.Client(transport=transport, base_url=target.management_url) as management,
    ):
        yield Session(target, inference, FakeManagement(target.management_url, TOKEN, management))


@pytest.fixture
def serve_metrics() -> Iterator[Serve]:
    """`serve_metrics(text)` → the address of a real HTTP server whose every answer is that text, with how often it was
    asked in place of COUNT."""
    with ExitStack() as stack:

        def serve(text: str) -> str:
            asked = itertools.count(1)

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    content = text.replace("COUNT", str(next(asked))).encode()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

                def log_message(self, *arguments: object) -> None:
                    pass

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


@pytest.fixture
def with_metrics(session: Session, serve_metrics: Serve) -> Callable[[str], Session]:
    def given(text: str) -> Session:
        session.target = replace(session.target, metrics_url=serve_metrics(text))
        return session

    return given
