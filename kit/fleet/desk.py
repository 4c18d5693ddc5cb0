"""The operator's side of a fleet: a folder of its own under build/fleet/, one run at a time, and who is at the desk."""

from __future__ import annotations

import fcntl
import getpass
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.errors import KitError
from kit.fleet import history, journal
from kit.fleet.commands import Link
from kit.fleet.inventory import Box, Fleet
from kit.fleet.remote import Remote, SshRemote


class Desk:
    """`owner` names this process: it stands in the boxes' locks. `stopping` is set when the operator ends the run."""

    def __init__(self, build_root: Path, fleet: Fleet, ssh_config: str = "") -> None:
        self.fleet, self.ssh_config = fleet, ssh_config
        self.stopping = threading.Event()
        self.stagings = build_root / "fleet" / "staging"
        self.folder = build_root / "fleet" / re.sub(r"[^A-Za-z0-9@.+-]", "_", fleet.name)
        self.user, self.host = getpass.getuser(), socket.gethostname()
        self.owner = f"{self.user}@{self.host}:{os.getpid()}"

    def remote(self, box: Box) -> Remote:
        return SshRemote(Link(box.address, self.ssh_config), self.stopping, self.fleet.bwlimit)

    @property
    def rollout(self) -> Path:
        return self.folder / journal.ROLLOUT

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One run of this fleet at a time on this desk; the boxes' own locks hold off other desks. Raises KitError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise KitError(
                    f"another run of fleet {self.fleet.name} is under way on this desk", "wait for it, or end it"
                ) from None
            yield

    def dead_owners(self) -> frozenset[str]:
        """Owners of this fleet's earlier runs here. `alone` proves that none of them lives: their locks are our own."""
        owners = {str(entry.get("owner", "")) for entry in history.read(self.folder)}
        return frozenset(owner for owner in owners if owner.startswith(f"{self.user}@{self.host}:"))
