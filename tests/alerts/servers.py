"""Two servers with gateways, and a Prometheus that knows the first as two boxes of a fleet and the other as a third."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import mock

import httpx

from kit.build import PROJECT
from kit.gateway import certificates, places
from kit.monitoring import files, own_key, running
from kit.monitoring.files import Target
from tests.alerts import rules
from tests.integration.places import Place
from tests.integration.test_gateway import GatewayPlace
from tests.meanwhile import meanwhile
from tests.ports import free_port

PICTURES = sorted((PROJECT / "models/resnet18-grocery43/validation").glob("*/*.jpg"))
FLEET = "drill"
NAMES = ("localhost", "127.0.0.1")


def run_script(name: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"scripts.{name}", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, timeout=300)


class Server(GatewayPlace):
    """With an archive of its own, of a version."""

    def __init__(self, root: Path, version: str) -> None:
        place = Place(root, run_script, "onprem", MODEL_VERSION=version, XDG_CONFIG_HOME=os.environ["XDG_CONFIG_HOME"])
        for name in ("export", "archive"):
            made = run_script(name, env=place.environment)
            assert made.returncode == 0, made.stderr
        self._version = version
        super().__init__(place, run_script, tls=True)

    def make_key(self, name: str) -> str:
        """Both servers know the same keys."""
        return super().make_key(f"{name}-{self._version}")

    def again(self, **variables: str) -> None:
        """Stopped, and started at the same address."""
        self.place.server("stop")
        started = self.place.server("start", GATEWAY=self.address, **variables)
        assert started.returncode == 0, started.stderr
        self.state = self.running()

    def target(self, box: str) -> Target:
        return Target(box, FLEET, f"127.0.0.1:{self.address.rpartition(':')[2]}", tls=True)

    def asked(self, pictures: list[bytes], clients: int = 1, pause: float = 0.05) -> AbstractContextManager[None]:
        """By so many clients at once, meanwhile."""

        def ask(number: int, ending: threading.Event) -> None:
            first = number * len(pictures) // clients  # else all would ask the same at nearly the same time
            with self.client() as client:
                for picture in itertools.cycle(pictures[first:] + pictures[:first]):
                    try:
                        client.post(self.predict, content=picture)
                    except httpx.TransportError:
                        ending.wait(0.5)
                    if ending.wait(pause):
                        return

        return meanwhile(*(partial(ask, number) for number in range(clients)))


@dataclass(frozen=True)
class Monitored:
    at: str

    def firing(self) -> set[str]:
        """`box: alert`"""
        asked = {"query": 'ALERTS{alertstate="firing"}'}
        answer = httpx.get(f"http://{self.at}/api/v1/query", params=asked, trust_env=False, timeout=30).json()
        assert answer["status"] == "success", answer
        return {f"{row['metric']['box']}: {row['metric']['alertname']}" for row in answer["data"]["result"]}

    def wait(self, true: Callable[[set[str]], bool], seconds: float, what: str) -> float:
        """Seconds until what fires is so. Raises AssertionError."""
        began = time.monotonic()
        while not true(found := self.firing()):
            assert time.monotonic() - began < seconds, f"{what}: after {seconds:.0f} s {sorted(found)} fire"
            time.sleep(1)
        return time.monotonic() - began


@contextmanager
def monitored(folder: Path, targets: list[Target], speed: int) -> Iterator[Monitored]:
    """`speed`: by how much the rules' durations are divided; 1 leaves them."""
    text, row = own_key.own_key(places.home() / "monitoring")
    own_key.admit(places.keys(), text, row)
    at, alerts = (f"127.0.0.1:{free_port()}" for _ in range(2))
    files.write(folder, targets, text, places.authority() / certificates.CERTIFICATE, alerts)
    if speed > 1:
        rules.faster(folder, speed)
    with running.running(folder, at, alerts):
        yield Monitored(at)


def short_certificate(folder: Path, days: int) -> dict[str, str]:
    """Variables for a server whose certificate ends so soon, by the authority that Prometheus trusts."""
    with mock.patch.object(certificates, "DAYS", days):
        certificates.write(folder / "short", certificates.issue(certificates.authority(places.authority()), NAMES))
    return {
        "CERTIFICATE": str(folder / "short" / certificates.CERTIFICATE),
        "PRIVATE_KEY": str(folder / "short" / certificates.KEY),
    }
