"""The operator's side of a fleet: a folder of its own under build/fleet/, one run at a time, and who is its
operator."""

from __future__ import annotations

import atexit
import fcntl
import getpass
import os
import re
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from common.errors import KitError, UsageError
from kit.build import default_build_root
from kit.fleet.inventory import fleet_file
from kit.fleet.inventory.fleet import Box, Fleet
from kit.fleet.rollout import history, journal
from kit.fleet.ssh.commands import HERE, Link
from kit.fleet.ssh.remote import Remote, SshRemote


class Workspace:
    """`owner` names this process: it stands in the boxes' locks. `stopping` is set when the operator ends the run."""

    def __init__(self, build_root: Path, fleet: Fleet, ssh_config: str = "") -> None:
        self.fleet, self.ssh_config = fleet, ssh_config
        self.stopping = threading.Event()
        self.stagings = build_root / "unpacked-bundles"
        # Not `.` or `..`, whatever the file is called.
        self.folder = build_root / "fleet" / re.sub(r"^[.]|[^A-Za-z0-9@.+-]", "_", fleet.name)
        self.user, self.host = user_name(), socket.gethostname()
        # Two workstations in containers may have one name and one pid.
        self.owner = f"{self.user}@{self.host}:{os.getpid()}-{secrets.token_hex(4)}"

    def links(self) -> dict[str, Remote]:
        return {box.name: self.remote(box) for box in self.fleet.boxes}

    def remote(self, box: Box) -> Remote:
        control = "" if box.address == HERE else self.control
        return SshRemote(Link(box.address, self.ssh_config, control=control), self.stopping, self.fleet.bwlimit)

    @cached_property
    def control(self) -> str:
        """The folder of this run's connections, nobody else's. In /tmp: a socket's path has to be short."""
        folder = tempfile.mkdtemp(prefix="vision-serve-", dir="/tmp")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder

    @property
    def rollout(self) -> Path:
        return self.folder / journal.ROLLOUT

    @property
    def records(self) -> Path:
        """The copies of what its boxes recorded."""
        return self.folder / "records"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One run of this fleet at a time on this workstation; the boxes' own locks hold off other workstations. Raises
        KitError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("a")
        except OSError as error:
            raise KitError(
                f"the folder of fleet {self.fleet.name}, {self.folder}, cannot be used: {error.strerror}",
                "move away what lies in its place",
            ) from None
        with lock as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise KitError(
                    f"another run of fleet {self.fleet.name} is under way on this workstation", "wait for it, or end it"
                ) from None
            yield

    def dead_owners(self) -> frozenset[str]:
        """Owners of this fleet's earlier runs here. `alone` proves that none of them lives: their locks are our own."""
        owners = {str(entry.get("owner", "")) for entry in history.read(self.folder)}
        return frozenset(owner for owner in owners if owner.startswith(f"{self.user}@{self.host}:"))


def find(fleet: str, hosts: str) -> Workspace:
    """Of FLEET or HOSTS. Raises UsageError unless one of them is given."""
    if bool(fleet) == bool(hosts):
        raise UsageError("which boxes?", "FLEET=fleet.yaml, or HOSTS=pi@shelf-01; HOSTS=here is this machine")
    chosen = fleet_file.read_fleet(Path(fleet)) if fleet else fleet_file.read_hosts(hosts)
    return Workspace(default_build_root(), chosen, os.environ.get("SSH_CONFIG", ""))


def user_name() -> str:
    """In a container a user id may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        return f"uid-{os.getuid()}"
