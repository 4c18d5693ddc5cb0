"""A network that only the tests see: a namespace with a bridge, the workstation's address on it, a cable a box."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.boxes.commands import attempt, run
from tests.boxes.namespaces import in_network

BRIDGE = "shop"
WORKSTATION = "10.77.0.1"


@dataclass(frozen=True)
class Network:
    """`name` is the namespace's, as `ip netns` lists it."""

    name: str

    def create(self) -> None:
        run("ip", "netns", "add", self.name)
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", BRIDGE, "type", "bridge")
        self._ip("address", "add", f"{WORKSTATION}/24", "dev", BRIDGE)
        self._ip("link", "set", BRIDGE, "up")

    def remove(self) -> None:
        """Also the file of one whose mount went with a killed run."""
        attempt("ip", "netns", "delete", self.name)
        Path(f"/run/netns/{self.name}").unlink(missing_ok=True)

    def cut(self, box: str) -> None:
        self._ip("link", "set", _cable(box), "down")

    def plug(self, box: str) -> None:
        self._ip("link", "set", _cable(box), "up")

    def received_bytes(self, box: str) -> int:
        """What went over the cable to the box so far."""
        with self.entered():
            lines = Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines()
        counters = next(line.split(":")[1].split() for line in lines if line.strip().startswith(f"{_cable(box)}:"))
        return int(counters[8])  # what the bridge's end of the cable transmitted

    def within(self, *command: str) -> list[str]:
        """The command, run from the workstation."""
        return ["nsenter", f"--net=/run/netns/{self.name}", "--", *command]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread's new sockets, and the processes it starts, are the workstation's."""
        with in_network(Path(f"/run/netns/{self.name}")):
            yield

    def _ip(self, *arguments: str) -> None:
        run("ip", "-n", self.name, *arguments)


def address(number: int) -> str:
    return f"10.77.0.{10 + number}"


def _cable(box: str) -> str:
    return f"vb-{box}"  # systemd-nspawn's name for it
