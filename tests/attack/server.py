"""A real server with its gateway, attacked; and whether it is still the one that was started."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from common.server.torchserve import Management
from kit import golden
from kit.build import Build
from kit.golden import Golden
from kit.serving import state
from kit.serving.launch import RunFolder
from tests.conftest import RunScript
from tests.ports import free_port

# Words of TorchServe's management, which no answer may have.
MANAGEMENT = (b"modelUrl", b"minWorkers", b"nextPageToken", b"loadedAtStartup")


@dataclass(frozen=True)
class Memory:
    """MB, resident."""

    java: float
    nginx: float
    workers: float


@dataclass(frozen=True)
class Attacked:
    address: str
    key: str
    model: str
    run: RunFolder
    golden: Golden
    pids: frozenset[int]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def memory(self) -> Memory:
        running = state.running(self.run)
        assert running
        gateway, java = running.gateway_process(), running.process()
        assert gateway and java
        mb = 1 << 20
        return Memory(
            java.memory_info().rss / mb,
            sum(one.memory_info().rss for one in gateway.children()) / mb,
            sum(psutil.Process(pid).memory_full_info().pss for pid in self.pids - {java.pid, gateway.pid}) / mb,
        )

    def check(self) -> None:
        """Raises AssertionError when a process is another one, or the golden picture gets no right answer."""
        assert processes(self.run) == self.pids, "a process ended and another was started"
        with httpx.Client(base_url=self.address, headers=self.headers, timeout=30, trust_env=False) as client:
            answer = client.post(f"/predictions/{self.model}", content=self.golden.picture.read_bytes())
            assert answer.status_code == 200, answer.text
            assert not self.golden.mismatch(answer.json())
            assert client.get("/health").status_code == 200

    def send(self, message: bytes, patience: float = 0.3) -> bytes:
        """What comes back until the connection ends, or nothing comes for `patience` seconds."""
        received = b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(message)
                connection.settimeout(patience)
                while more := connection.recv(65536):
                    received += more
        except OSError:
            pass  # a timeout, or a connection that it ended
        return received


def processes(run: RunFolder) -> frozenset[int]:
    """Java, nginx's first process, and the workers."""
    running = state.running(run)
    assert running, "Java has ended"
    gateway = running.gateway_process()
    assert gateway, "nginx has ended"
    workers = Management(running.management, run.management_header).workers(running.models[0].name)
    return frozenset({running.pid, gateway.pid, *(worker["pid"] for worker in workers)})


@contextmanager
def attacked(build: Path, environment: Mapping[str, str], run_script: RunScript) -> Iterator[Attacked]:
    """`build` holds the archive of the profile onprem; `environment` is a script's, with addresses of its own."""
    address = f"http://127.0.0.1:{free_port()}"
    own = dict(environment) | {"GATEWAY": address}
    started = run_script("server", "start", env=own)
    try:
        assert started.returncode == 0, started.stderr
        run = RunFolder(Build(build / "onprem").run)
        running = state.running(run)
        assert running
        made = run_script("key", "key", env=own | {"NAME": "attacker"})
        assert made.returncode == 0, made.stderr
        first = golden.load(Build(build / "onprem").golden, "")[0]
        yield Attacked(address, made.stdout.split()[2], running.models[0].name, run, first, processes(run))
    finally:
        run_script("server", "stop", env=own)
