"""Boxes behind a real sshd on loopback: each has a folder of its own in place of /opt, through a mount namespace."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.ports import free_port

SSHD = "/usr/sbin/sshd"
# What the client asked for runs where /opt is the box's own folder, in the login shell that the box's user has.
ENTER = """#!/bin/sh
[ ! -e {folder}/unplugged ] || exit 255
exec unshare --mount sh -c 'mount --bind {folder}/opt /opt && exec $(cat {folder}/shell) -c "$SSH_ORIGINAL_COMMAND"'
"""


class Boxes:
    """`names` are hosts of `ssh_config`; `state(name)` is what the fake program there keeps."""

    def __init__(self, folder: Path, names: tuple[str, ...], **sshd_settings: str) -> None:
        self.folder, self.names, self.sshd_settings = folder, names, sshd_settings
        self.ssh_config = folder / "ssh_config"
        self.processes: list[subprocess.Popen[bytes]] = []
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
        self.ssh_config.write_text("".join(self._start(name) for name in names))

    def _start(self, name: str) -> str:
        """One sshd; returns its part of the client's configuration."""
        home = self.folder / name
        (home / "opt").mkdir(parents=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "host_key"], check=True)
        (home / "shell").write_text("/bin/sh")
        enter = home / "enter"
        enter.write_text(ENTER.format(folder=shlex.quote(str(home))))
        enter.chmod(0o755)
        port = free_port()
        settings = {
            "ListenAddress": f"127.0.0.1:{port}",
            "HostKey": home / "host_key",
            "AuthorizedKeysFile": self.folder / "key.pub",
            "StrictModes": "no",
            "UsePAM": "no",
            "PidFile": "none",
            "PermitRootLogin": "prohibit-password",
            "ForceCommand": enter,
        } | self.sshd_settings
        (home / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
        log = home / "sshd.log"
        self.processes.append(subprocess.Popen([SSHD, "-D", "-f", home / "sshd_config", "-E", log]))
        wait_for(port, log)
        known = home / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {(home / 'host_key.pub').read_text()}")
        client = {
            "HostName": "127.0.0.1",
            "Port": port,
            "User": "root",
            "IdentityFile": self.folder / "key",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": known,
            "KexAlgorithms": "curve25519-sha256",  # a tenth of the default's processor time
        }
        return f"Host {name}\n" + "".join(f"  {key} {value}\n" for key, value in client.items())

    def home(self, name: str) -> Path:
        return self.folder / name / "opt/vision-serve"

    def state(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.home(name) / "state.json").read_text()))

    def set_faults(self, name: str, **faults: Any) -> None:
        state = self.state(name)
        (self.home(name) / "state.json").write_text(json.dumps(state | {"faults": faults}))

    def set_shell(self, name: str, shell: str) -> None:
        """The login shell: a program that takes -c."""
        (self.folder / name / "shell").write_text(shell)

    def connections(self, name: str) -> int:
        """How many there have been."""
        return (self.folder / name / "sshd.log").read_text().count("Accepted publickey")

    def unplug(self, name: str) -> None:
        (self.folder / name / "unplugged").touch()

    def plug_in(self, name: str) -> None:
        (self.folder / name / "unplugged").unlink()

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
            process.wait(10)


def wait_for(port: int, log: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"sshd does not listen: {log.read_text()}")
