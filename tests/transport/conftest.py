"""Two boxes behind a real sshd, and a workstation. Needs root; installs OpenSSH's server and rsync if need be."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.transport.sshd import SSHD, Boxes
from tests.transport.workstation import Workstation


@pytest.fixture(scope="session")
def programs() -> None:
    assert os.geteuid() == 0, "these tests make mount namespaces: run them as root"
    if not (Path(SSHD).exists() and shutil.which("rsync")):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "openssh-server", "rsync"], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)


@pytest.fixture
def boxes(tmp_path: Path, programs: None) -> Iterator[Boxes]:
    (tmp_path / "boxes").mkdir()
    made = Boxes(tmp_path / "boxes", ("shelf-01", "shelf-02"))
    yield made
    made.end()


@pytest.fixture
def workstation(tmp_path: Path, boxes: Boxes) -> Workstation:
    made = tmp_path / "workstation"
    made.mkdir()
    return Workstation(made, boxes)


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
