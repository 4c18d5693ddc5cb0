"""Login shells that are no sh, and logins that run nothing: what is told is what the login said."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.transport.workstation import Workstation


@pytest.fixture(scope="session")
def shells() -> None:
    if missing := [shell for shell in ("tcsh", "fish") if not shutil.which(shell)]:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True)


@pytest.mark.parametrize("shell", ["tcsh", "fish"])
def test_boxes_are_deployed_to_whatever_the_login_shell(workstation: Workstation, shells: None, shell: str) -> None:
    for name in workstation.boxes.names:
        workstation.boxes.set_shell(name, f"/usr/bin/{shell}")
    made = workstation.bundle("1.0")
    workstation.deploy(made)
    assert workstation.confirmed() == [made.release] * 2
    assert workstation.run("status").returncode == 0


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo This account is currently not available.; exit 1", "ended with 1 (This account is currently not"),
        ("exit 3", "ended with 3"),
        ("echo welcome to the maintenance menu", "ended with 0 (welcome to the maintenance menu)"),
    ],
)
def test_a_login_that_runs_no_command_is_told_as_that(
    workstation: Workstation, tmp_path: Path, script: str, said: str
) -> None:
    made = workstation.bundle("1.0")
    workstation.deploy(made)
    shell = tmp_path / "shell"
    shell.write_text(f"#!/bin/sh\n{script}\n")
    shell.chmod(0o755)
    workstation.boxes.set_shell("shelf-02", str(shell))
    status = workstation.run("status")
    assert status.returncode == 1
    assert "shelf-02: unknown: a login works, and no command runs there" in status.stdout
    assert said in " ".join(status.stdout.split())
    assert "bare" not in status.stdout
    refused = workstation.deploy(workstation.bundle("1.1"))
    assert refused["verdict"] == "refused"
    assert "python3" not in refused["boxes"][1]["error"]


def test_a_sudo_that_wants_a_password_is_no_bare_box(workstation: Workstation, tmp_path: Path) -> None:
    """The box's user is nobody here, and its sudo asks."""
    workstation.deploy(workstation.bundle("1.0"))
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    sudo = bin_folder / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    identity = bin_folder / "id"
    identity.write_text("#!/bin/sh\necho 1000\n")
    shell = tmp_path / "shell"
    shell.write_text(f'#!/bin/sh\nPATH={bin_folder}:$PATH\nexec /bin/sh "$@"\n')
    for file in (sudo, identity, shell):
        file.chmod(0o755)
    workstation.boxes.set_shell("shelf-02", str(shell))
    status = workstation.run("status")
    assert "shelf-02: unknown: no root: sudo wants a password" in status.stdout
