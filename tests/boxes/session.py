"""All that the tests put on the machine, in one place, so that it can be taken away: also what a killed run left.

One folder, one network namespace and one control group, of fixed names. Whoever holds the lock owns them; a lock
ends with its process, so whatever is there when it is taken was left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.boxes import cgroups, machine
from tests.boxes.commands import attempt, run
from tests.boxes.disk import unmount_below
from tests.boxes.namespaces import make_mounts_private
from tests.boxes.network import Network, address

NAME = "vision-boxes"
LXCFS = f"{NAME}/lxcfs"


@dataclass(frozen=True)
class Session:
    """`base` is the root below every box; `lxcfs` shows a box its own memory; `ssh_config` is the operator's."""

    folder: Path
    base: Path
    network: Network

    @property
    def lxcfs(self) -> Path:
        return self.folder / "lxcfs"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def ssh_key(self) -> Path:
        return self.folder / "operator"


@contextmanager
def opened() -> Iterator[Session]:
    """A clean session; all of it is gone afterwards."""
    machine.require()
    machine.cache().mkdir(parents=True, exist_ok=True)
    with (machine.cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run of these tests ends first
        make_mounts_private()
        session = Session(machine.cache() / "session", machine.base_root(), Network(NAME))
        _sweep(session)
        try:
            session.folder.mkdir()
            session.network.create()
            _make_operator(session)
            lxcfs = _start_lxcfs(session)
            yield session
        finally:
            _sweep(session)
        lxcfs.wait()


def _sweep(session: Session) -> None:
    end_processes(NAME)
    unmount_below(session.folder)
    shutil.rmtree(session.folder, ignore_errors=True)
    session.network.remove()
    cgroups.remove(NAME)


def end_processes(group: str) -> None:
    """SIGKILL every process of a control group of ours, and wait for the last to be gone."""
    deadline = time.monotonic() + 20
    while left := cgroups.processes(group):
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes {sorted(left)} of {group} do not end")
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _make_operator(session: Session) -> None:
    """The key and the ssh configuration with which somebody at the workstation reaches the boxes."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", str(session.ssh_key))
    known = session.folder / "known_hosts"
    host_key = (session.base / "etc/ssh/ssh_host_ed25519_key.pub").read_text(encoding="ascii")
    known.write_text(f"10.77.0.* {host_key}", encoding="ascii")
    hosts = "".join(f"Host box-{number}\n  HostName {address(number)}\n" for number in range(1, 10))
    session.ssh_config.write_text(
        f"{hosts}Host box-*\n  User {machine.USER}\n  IdentityFile {session.ssh_key}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {known}\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n"
        # OpenSSH's default key exchange takes 0.1 s of a processor for each of thousands of connections.
        "  KexAlgorithms curve25519-sha256\n",
        encoding="ascii",
    )


def _start_lxcfs(session: Session) -> subprocess.Popen[bytes]:
    session.lxcfs.mkdir()
    cgroups.create(LXCFS)
    command = ["lxcfs", "--foreground", f"--pidfile={session.folder / 'lxcfs.pid'}", str(session.lxcfs)]
    with (session.folder / "lxcfs.log").open("w") as log:
        enter = cgroups.entering(LXCFS)
        lxcfs = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=enter)
    deadline = time.monotonic() + 10
    while attempt("mountpoint", "-q", str(session.lxcfs)).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(f"lxcfs does not start:\n{(session.folder / 'lxcfs.log').read_text()}")
        time.sleep(0.1)
    return lxcfs
