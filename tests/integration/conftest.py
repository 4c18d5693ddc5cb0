"""A real archive of the embedded model and a real TorchServe, made once for all integration tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from kit import golden
from kit.build import Build
from kit.golden import Golden
from kit.serving import state
from kit.serving.api import client, read_header
from kit.serving.launch import RunFolder
from kit.serving.state import ServerState
from tests.conftest import RunScript, script_environment

ADDRESSES = ("TS_INFERENCE_ADDRESS", "TS_MANAGEMENT_ADDRESS", "TS_METRICS_ADDRESS")
GRPC_PORTS = ("TS_GRPC_INFERENCE_PORT", "TS_GRPC_MANAGEMENT_PORT")


def free_addresses() -> dict[str, str]:
    """Five ports that nothing listens on, as TorchServe's variables."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(5)]
        ports = [taken.getsockname()[1] for taken in sockets]
    variables = {name: f"http://127.0.0.1:{port}" for name, port in zip(ADDRESSES, ports[:3], strict=True)}
    return variables | {name: str(port) for name, port in zip(GRPC_PORTS, ports[3:], strict=True)}


@dataclass(frozen=True)
class Server:
    """A running server, and the environment in which our scripts find it."""

    environment: dict[str, str]
    build: Build
    run: RunFolder
    state: ServerState

    @property
    def golden(self) -> list[Golden]:
        return golden.load(self.build.golden, "")

    def inference(self) -> httpx.Client:
        return client(self.state.inference, read_header(self.run.inference_header), timeout=60)

    def management(self) -> httpx.Client:
        return client(self.state.management, read_header(self.run.management_header), timeout=60)


@pytest.fixture(scope="session")
def archive_root(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> Path:
    """A build folder that holds the embedded model's archive for the onprem profile."""
    root = tmp_path_factory.mktemp("build")
    for name in ("export", "archive"):
        made = run_script(name, env=script_environment(root, PROFILE="onprem"))
        assert made.returncode == 0, made.stderr
    return root


@pytest.fixture(scope="session")
def server(archive_root: Path, run_script: RunScript) -> Iterator[Server]:
    """One server for the tests that leave it as they find it."""
    environment = script_environment(archive_root, PROFILE="onprem", **free_addresses())
    build = Build(archive_root / "onprem")
    started = run_script("server", "start", env=environment)
    try:
        assert started.returncode == 0, started.stderr
        running = state.running(RunFolder(build.run))
        assert running
        yield Server(environment, build, RunFolder(build.run), running)
    finally:
        run_script("server", "stop", env=environment)
