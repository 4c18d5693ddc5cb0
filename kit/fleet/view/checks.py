"""What has to be right on the workstation before boxes can be reached."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.fleet.host.survey import Answer

# A box's words for them, and this workstation's.
# --info=progress2 and --chmod for both sides.
OLDEST_RSYNC = (3, 1)


@dataclass(frozen=True)
class FleetFinding:
    """`place` is `workstation` or a box; severities are those of `make doctor`."""

    place: str
    severity: str
    message: str
    hint: str = ""


def workstation(environment: Mapping[str, str], ssh_config: str, signers: str) -> Iterator[FleetFinding]:
    """ssh, rsync, a key to log in with, the files that were named."""
    yield program("ssh")
    yield rsync()
    yield keys(environment, ssh_config)
    if ssh_config:
        yield named("SSH_CONFIG", Path(ssh_config))
    if signers:
        yield named("signers", Path(signers))
    else:
        yield FleetFinding(
            "workstation", "note", "no allowed-signers file named: a bare box could not be provisioned", "SIGNERS=file"
        )


def program(name: str) -> FleetFinding:
    if path := shutil.which(name):
        return FleetFinding("workstation", "ok", f"{name}: {path}")
    return FleetFinding("workstation", "error", f"{name} is not installed", "apt-get install openssh-client rsync")


def rsync() -> FleetFinding:
    found = program("rsync")
    if found.severity != "ok":
        return found
    said = subprocess.run(["rsync", "--version"], capture_output=True, text=True).stdout
    version = re.search(r"version (\d+)\.(\d+)", said)
    if version and (int(version[1]), int(version[2])) >= OLDEST_RSYNC:
        return FleetFinding("workstation", "ok", f"rsync {version[1]}.{version[2]}")
    return FleetFinding(
        "workstation", "error", f"{said.partition(chr(10))[0]}: 3.1 or newer is needed", "apt-get install rsync"
    )


def keys(environment: Mapping[str, str], ssh_config: str) -> FleetFinding:
    """Something to log in with: an agent, a key of the usual name, or a config that says where it is."""
    home = Path(environment.get("HOME") or os.path.expanduser("~")) / ".ssh"  # noqa: PTH111 - a Path refuses where there is none
    if (agent := environment.get("SSH_AUTH_SOCK")) and Path(agent).exists():
        return FleetFinding("workstation", "ok", "an ssh agent is running")
    if found := sorted(path.name for path in home.glob("id_*") if path.suffix != ".pub"):
        return FleetFinding("workstation", "ok", f"ssh keys: {', '.join(found)} (one with a passphrase needs an agent)")
    config = Path(ssh_config) if ssh_config else home / "config"
    if config.is_file() and re.search(r"^\s*IdentityFile", config.read_text(), re.MULTILINE | re.IGNORECASE):
        return FleetFinding("workstation", "ok", f"{config} names a key")
    return FleetFinding(
        "workstation", "warning", "no ssh agent and no ssh key", "ssh-keygen -t ed25519, or start an agent"
    )


def named(what: str, file: Path) -> FleetFinding:
    if file.is_file():
        return FleetFinding("workstation", "ok", f"{what}: {file}")
    return FleetFinding("workstation", "error", f"{what}: {file} does not exist", "name one that does")


def boxes(answers: Sequence[Answer]) -> Iterator[FleetFinding]:
    """What each box found about itself; one that says nothing is a finding too."""
    for answer in answers:
        if answer.error:
            yield FleetFinding(
                answer.box, "error", answer.error, f"ssh to it by hand, or make deploy HOSTS={answer.box}"
            )
        for found in answer.said.get("findings") or ():
            yield FleetFinding(answer.box, found["severity"], found["message"], found.get("hint") or "")
