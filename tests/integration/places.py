"""Where a test may start and break a server of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil

from common.server.tokens import read_header
from kit import golden
from kit.build import Build
from kit.serving import state
from kit.serving.launch import RunFolder
from kit.smoke.session import client
from tests.conftest import RunScript, script_environment
from tests.ports import free_port

Words = subprocess.CompletedProcess[str]
ADDRESSES = ("TS_INFERENCE_ADDRESS", "TS_MANAGEMENT_ADDRESS", "TS_METRICS_ADDRESS")
GRPC_PORTS = ("TS_GRPC_INFERENCE_PORT", "TS_GRPC_MANAGEMENT_PORT")


def free_addresses() -> dict[str, str]:
    """Five ports that nothing listens on, as TorchServe's variables."""
    variables = {name: f"http://127.0.0.1:{free_port()}" for name in ADDRESSES}
    return variables | {name: str(free_port()) for name in GRPC_PORTS}


class Place:
    """A build folder of its own with an archive in it, where a test may start and break a server."""

    def __init__(self, root: Path, run_script: RunScript, profile: str, **variables: str) -> None:
        self.build = Build(root / Path(profile).name)
        self.run = RunFolder(self.build.run)
        self.environment = script_environment(root, PROFILE=profile, **(free_addresses() | variables))
        self._run_script = run_script

    def server(self, *arguments: str, **variables: str) -> Words:
        return self._run_script("server", *arguments, env=self.environment | variables)

    def start(self) -> state.ServerState:
        started = self.server("start")
        assert started.returncode == 0, started.stderr
        running = state.running(self.run)
        assert running
        return running

    def client(self, running: state.ServerState) -> httpx.Client:
        return client(running.inference, read_header(self.run.inference_header), timeout=60)

    def picture(self) -> bytes:
        return golden.load(self.build.golden, "")[0].picture.read_bytes()

    def processes(self) -> list[psutil.Process]:
        """Whatever of this place's server still lives, found by the folder it works in."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.pid != os.getpid() and Path(process.cwd()).is_relative_to(self.build.folder)
        except (psutil.Error, FileNotFoundError):
            return False

    def left_behind(self) -> set[str]:
        return {path.name for path in self.run.folder.iterdir()} - {"logs", "lock", "gateway"}


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
