"""This machine installed as a server, with no ssh: in a mount namespace, where /opt is a folder of the test's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kit.build import PROJECT
from tests.conftest import script_environment
from tests.kit.fleet import small_bundle

ENTER = 'mount --bind "$0" /opt && exec "$@"'


class Here:
    def __init__(self, folder: Path) -> None:
        self.folder, self.opt = folder, folder / "opt"
        self.opt.mkdir()
        self.key = small_bundle.make_key(folder)
        self.bundle = small_bundle.write(folder / "bundles", self.key, "1.0", model=b"model", wheel=b"a wheel")

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["unshare", "--mount", "sh", "-c", ENTER, str(self.opt), sys.executable, "-m", *words]
        named = {"BUNDLE": str(self.bundle.file), "COLUMNS": "160", "PATH": "/usr/local/bin:/usr/bin:/bin"} | variables
        environment = script_environment(self.folder / "build", **named)
        return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def here(tmp_path: Path, programs: None) -> Here:
    return Here(tmp_path)


def test_installed_asked_and_taken_away(here: Here) -> None:
    signers = str(here.folder / "signers")
    untold = here.run("scripts.install", "install")
    assert untold.returncode == 1
    assert "SIGNERS=allowed_signers" in untold.stdout
    assert not list(here.opt.iterdir())
    installed = here.run("scripts.install", "install", SIGNERS=signers)
    assert installed.returncode == 0, installed.stderr
    assert f"  here  nothing → {here.bundle.release}, first" in installed.stdout
    assert "gateway set" in installed.stdout
    status = here.run("scripts.fleet", "status", HOSTS="here")
    assert status.returncode == 0 and here.bundle.release in status.stdout
    removed = here.run("scripts.install", "uninstall")
    assert removed.returncode == 0 and "here: removed /opt/vision-serve" in removed.stdout
    assert not list(here.opt.iterdir())
    again = here.run("scripts.install", "uninstall")
    assert again.returncode == 0 and "here: nothing is installed" in again.stderr


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"GATEWAY": "yes"}, "yes is not an address for a gateway to listen at"),
        ({"GATEWAY": "0.0.0.0:443"}, "port 443 is for root alone"),
        ({"HOSTS": "-oProxyCommand=x"}, "is not an address that ssh takes"),
        ({"BUNDLE": "none.bundle"}, "none.bundle"),
    ],
)
def test_what_cannot_be_installed_is_refused_before_anything_is_changed(
    here: Here, variables: dict[str, str], words: str
) -> None:
    refused = here.run("scripts.install", "install", SIGNERS=str(here.folder / "signers"), **variables)
    assert refused.returncode == 2, refused.stderr
    assert words in refused.stderr
    assert not list(here.opt.iterdir())
