"""A real nginx with the kit's configuration, in front of a TorchServe that is made up."""

from __future__ import annotations

import json
import os
import pwd
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psutil
import pytest

from common.gateway import keys, nginx_files
from common.gateway.nginx_conf import Gateway
from common.gateway.nginx_files import Files
from kit.build import PROJECT
from kit.gateway import nginx
from tests.gateway.fake_torchserve import GOLDEN, MODEL, TOKENS, FakeTorchServe
from tests.ports import free_port

PREDICT = f"/predictions/{MODEL}"
WATCHER = "w"  # the socket of who watches the server, beside the gateway's folder


@dataclass(frozen=True)
class Front:
    """A running gateway, and what is behind it. `key` is one that it takes."""

    port: int
    folder: Path
    keys: Path
    behind: FakeTorchServe
    key: str
    process: psutil.Process

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"} if key != "" else {}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=20, trust_env=False)

    def raw(self, request: bytes, seconds: float = 10) -> bytes:
        """Everything that comes back for these bytes until the connection closes, or nothing comes any more."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(request)
            connection.settimeout(0.6)
            received = b""
            try:
                while more := connection.recv(65536):
                    received += more
            except (TimeoutError, ConnectionResetError):
                pass
            return received


Start = Callable[..., Front]


@contextmanager
def started(folder: Path, behind: FakeTorchServe, **changes: object) -> Iterator[Front]:
    """`changes` are fields of Gateway, or `files` and `edit` for what else a test needs."""
    tokens, golden, port = folder / "key_file.json", folder / "pictures", free_port()
    tokens.write_text(json.dumps(TOKENS))
    golden.mkdir()
    (golden / "one.jpg").write_bytes(GOLDEN)
    index = {"tolerance": 0.05, "pictures": [{"file": "one.jpg", "expected": {"Banana": 0.9, "Lime": 0.05}}]}
    (golden / "golden.json").write_text(json.dumps(index))
    here = f"http://127.0.0.1:{behind.port}"
    edit = changes.pop("edit", None)
    files = changes.pop("files", {})
    conf = Gateway(
        listen=f"127.0.0.1:{port}",
        tls=False,
        client_ca=False,
        upstream=f"127.0.0.1:{behind.port}",
        in_flight={MODEL: 8},
        body_bytes=4_000_000,
        seconds=5,
        processes=1,
        user=pwd.getpwuid(0).pw_name if os.geteuid() == 0 else "",
    )
    conf = replace(conf, **changes)  # type: ignore[arg-type]
    settings = {
        "version": "1.2.3",
        "models": {MODEL: {"about": {"precision": "int8"}}},
        "inference": here,
        "management": here,
        "body_bytes": conf.body_bytes,
        "tokens": str(tokens),
        "keys": str(folder / "keys"),
        "about": {},
        "log_bytes": 5 << 20,
    }
    key = keys.add(folder / "keys", "till-1", None)
    place = folder / "gateway"
    place.mkdir()
    made = Files(PROJECT, nginx.binary(""), conf, settings, folder / WATCHER, {MODEL: golden}, **files)  # type: ignore[arg-type]
    nginx_files.write(place, made)
    if callable(edit):
        edit(place)
    process = nginx.start(place)
    try:
        deadline = time.monotonic() + 10
        while True:
            assert process.poll() is None, nginx.said(place)
            assert time.monotonic() < deadline, "the gateway does not listen"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield Front(port, place, folder / "keys", behind, key, psutil.Process(process.pid))
    finally:
        if process.poll() is None:
            nginx.stop(psutil.Process(process.pid), 0)
        process.wait()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    behind = FakeTorchServe()
    with started(tmp_path_factory.mktemp("gateway"), behind) as front:
        yield front
    behind.close()


@pytest.fixture
def front(shared: Front) -> Front:
    """One for the tests of a module that leave it as they find it."""
    shared.behind.asked.clear()
    return shared


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A gateway of the test's own."""
    with ExitStack() as stack:

        def begin(**changes: object) -> Front:
            behind = FakeTorchServe()
            stack.callback(behind.close)
            return stack.enter_context(started(tmp_path, behind, **changes))

        yield begin
