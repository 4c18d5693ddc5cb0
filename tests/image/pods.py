"""Pods as Kubernetes runs them, without Kubernetes: containers with an address each, asked by the probes of
config/kubernetes, behind a service that sends each new connection to one that is ready; taken away as a kubelet does.
"""

from __future__ import annotations

import http.client
import os
import random
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kit.build import PROJECT
from tests.boxes.commands import run
from tests.boxes.namespaces import in_network
from tests.image import engine
from tests.image.engine import Container

OVERLAY = PROJECT / "config/kubernetes/overlays/cpu"
PORT = 8000
# Until every node has heard that a pod is going. Kubernetes promises nothing; a second is usual.
PROPAGATION_SECONDS = 3.0


def specification() -> dict[str, Any]:
    """The pod's, as kubectl builds it."""
    built = run("kubectl", "kustomize", str(OVERLAY))
    (deployment,) = [document for document in yaml.safe_load_all(built) if document["kind"] == "Deployment"]
    return dict(deployment["spec"]["template"]["spec"])


class Network:
    """A bridge in a namespace of its own, and one for each pod beside it."""

    def __init__(self) -> None:
        self.name = f"pods-{os.getpid()}"
        self._made = [self.name]
        run("ip", "netns", "add", self.name)
        self._ip("link", "add", "bridge", "type", "bridge")
        self._ip("address", "add", "10.78.0.1/24", "dev", "bridge")
        self._ip("link", "set", "bridge", "up")

    def _ip(self, *words: str, name: str = "") -> None:
        run("ip", "-n", name or self.name, *words)

    def connect(self, number: int) -> tuple[str, str]:
        """A pod's namespace and its address."""
        name, cable, address = f"{self.name}-{number}", f"pod{number}", f"10.78.0.{10 + number}"
        run("ip", "netns", "add", name)
        self._made.append(name)
        self._ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        self._ip("link", "set", cable, "master", "bridge", "up")
        self._ip("address", "add", f"{address}/24", "dev", "eth0", name=name)
        for link in ("lo", "eth0"):
            self._ip("link", "set", link, "up", name=name)
        return name, address

    @contextmanager
    def entered(self) -> Iterator[None]:
        with in_network(Path(f"/run/netns/{self.name}")):
            yield

    def end(self) -> None:
        for name in self._made:
            subprocess.run(["ip", "netns", "delete", name], check=False)


@dataclass
class Pod:
    """`ready` as its readiness probe says; `listed` while the service sends connections to it."""

    container: Container
    address: str
    spec: dict[str, Any]
    ready: bool = False
    listed: bool = True
    status: int | None = None
    _ending: threading.Event = field(default_factory=threading.Event)

    @property
    def _server(self) -> dict[str, Any]:
        return dict(self.spec["containers"][0])

    def probe(self, network: Network) -> None:
        """As a kubelet does, until it ends."""
        probe, failures = self._server["readinessProbe"], 0
        with network.entered():
            while not self._ending.wait(probe["periodSeconds"]):
                failures = 0 if self._answers(probe) else failures + 1
                if failures in (0, probe["failureThreshold"]):
                    self.ready = failures == 0

    def _answers(self, probe: dict[str, Any]) -> bool:
        connection = http.client.HTTPConnection(self.address, PORT, timeout=probe["timeoutSeconds"])
        try:
            connection.request("GET", probe["httpGet"]["path"])
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def take_away(self) -> None:
        """Everybody is told, and meanwhile the pod: its preStop, then SIGTERM. `status` is its exit's."""
        threading.Timer(PROPAGATION_SECONDS, self._unlist).start()
        time.sleep(self._server["lifecycle"]["preStop"]["sleep"]["seconds"])
        os.kill(self.container.pid, signal.SIGTERM)
        self.status = self.container.ended(self.spec["terminationGracePeriodSeconds"])
        self._ending.set()

    def _unlist(self) -> None:
        self.listed = False

    def is_healthy(self) -> bool:
        """By the command of its liveness probe."""
        probe = self._server["livenessProbe"]
        return self.container.inside(*probe["exec"]["command"]).returncode == 0

    def end(self) -> None:
        self._ending.set()
        self.container.kill()


class Service:
    """What has been deployed, and clients of it."""

    def __init__(self, root: Path, folder: Path, secret: Path) -> None:
        self.network, self.pods, self.spec = Network(), list[Pod](), specification()
        self._root, self._folder = root, folder
        self._mounts = ("--ro-bind", str(secret), "/var/lib/vision-serve/gateway/keys")
        self._probes: list[threading.Thread] = []

    def start(self) -> Pod:
        number = len(self.pods)
        name, address = self.network.connect(number)
        state = self._folder / f"pod-{number}"
        words = ("python3", "-I", engine.PROGRAM, "run")
        container = Container(self._root, state, *words, network=name, mounts=self._mounts)
        pod = Pod(container, address, self.spec)
        self.pods.append(pod)
        self._probes.append(threading.Thread(target=pod.probe, args=(self.network,)))
        self._probes[-1].start()
        return pod

    def wait_ready(self, pod: Pod) -> None:
        until = time.monotonic() + 120
        while not pod.ready:
            assert time.monotonic() < until, pod.container.said()
            time.sleep(0.2)

    def endpoint(self) -> str:
        """Where a new connection goes. Raises ConnectionRefusedError when there is no such place."""
        if not (there := [pod.address for pod in self.pods if pod.ready and pod.listed]):
            raise ConnectionRefusedError("no pod is ready")
        return random.choice(there)  # noqa: S311

    def end(self) -> None:
        for pod in self.pods:
            pod.end()
        for thread in self._probes:
            thread.join()
        self.network.end()


@dataclass
class Client:
    """One that keeps its connection as long as the server does, as most libraries do: a new one goes where the service
    sends it. `failures`: what went wrong, in words."""

    service: Service
    key: str
    picture: bytes
    answered: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, ending: threading.Event) -> None:
        with self.service.network.entered():
            while not ending.is_set():
                address = "nowhere"
                try:
                    address = self.service.endpoint()
                    with closing(http.client.HTTPConnection(address, PORT, timeout=30)) as connection:
                        self._ask_on(connection, ending)
                except (OSError, http.client.HTTPException) as error:
                    self.failures.append(f"{address}: {error!r}")

    def _ask_on(self, connection: http.client.HTTPConnection, ending: threading.Event) -> None:
        """Until the server closes it."""
        connection.connect()
        while connection.sock is not None and not _is_closed(connection):
            if (status := self._ask(connection)) != 200:
                self.failures.append(f"{connection.host}: {status}")
            self.answered += 1
            if ending.wait(0.02):
                return

    def _ask(self, connection: http.client.HTTPConnection) -> int:
        headers = {"Authorization": f"Bearer {self.key}"}
        connection.request("POST", "/predictions/resnet18", self.picture, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def _is_closed(connection: http.client.HTTPConnection) -> bool:
    return bool(select.select([connection.sock], [], [], 0)[0])
