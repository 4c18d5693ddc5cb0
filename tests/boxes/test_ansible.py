"""The same releases under Ansible: its own waves, the same program on the box, and everything back when one fails."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.build import PROJECT
from tests.boxes import machine
from tests.boxes.commands import run
from tests.boxes.conftest import BeginFault
from tests.boxes.releases import ANSWERS_WRONGLY, Release, Workshop
from tests.boxes.shop import Shop, ask

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
PINNED = Path(__file__).with_name("ansible.txt")


@pytest.fixture(scope="session")
def ansible() -> Path:
    """ansible-core in an environment of its own, outside the tree: the kit itself does not need it."""
    name = hashlib.sha256(PINNED.read_bytes()).hexdigest()[:12]
    folder = machine.cache() / f"ansible-{name}"
    if not (folder / "done").exists():
        uv = str(Path(sys.executable).with_name("uv"))
        run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        python = str(folder / "bin/python")
        run(uv, "pip", "install", "--quiet", "--require-hashes", "--python", python, "--requirement", str(PINNED))
        (folder / "done").touch()
    return folder / "bin/ansible-playbook"


def play(ansible: Path, shop: Shop, release: Release) -> subprocess.CompletedProcess[str]:
    """The playbook over all boxes: one, then the others."""
    folder = shop.session.folder / "ansible"
    folder.mkdir(exist_ok=True)
    (folder / "inventory").write_text("[shops]\n" + "\n".join(shop.names) + "\n", encoding="utf-8")
    settings = {
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_SSH_ARGS": f"-F {shop.session.ssh_config} -o ControlMaster=auto -o ControlPersist=30s",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_NOCOLOR": "1",
    }
    given = [f"bundle={release.file}", f"signers={shop.workstation.signers}", "boxes=shops"]
    variables = [word for one in given for word in ("-e", one)] + ["-e", '{"waves": [1, 2]}']
    return subprocess.run(
        shop.session.network.within(
            *(str(ansible), "-i", str(folder / "inventory"), *variables, str(PROJECT / "config/ansible/deploy.yml"))
        ),
        cwd=PROJECT,
        env=dict(os.environ) | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_ansible_ships_a_release_in_its_own_waves(
    shop: Shop, ansible: Path, second: Release, fault: BeginFault
) -> None:
    tried = fault("none: deployed by Ansible")
    done = play(ansible, shop, second)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(shop.all_running().values()) == {second.name}
    assert all(ask(box, "status")["lock"] is None for box in shop.boxes)
    tried.came = "canary, then the others"


@pytest.mark.thorough
def test_ansible_takes_every_box_back_when_a_wave_fails(
    shop: Shop, ansible: Path, restarting: Release, fault: BeginFault
) -> None:
    tried = fault("the second wave fails, under Ansible (a box with a full disk)")
    with shop.crowded(shop.boxes[1]):
        done = play(ansible, shop, restarting)
    assert done.returncode != 0, done.stdout
    assert "was taken back" in done.stdout
    assert set(shop.all_running().values()) == {shop.first.name}
    assert all(ask(box, "status")["lock"] is None for box in shop.boxes)
    tried.came = f"exit {done.returncode}, rescue counted it as failed, every box that had changed was taken back"


@pytest.mark.thorough
def test_ansible_stops_at_a_canary_that_fails(shop: Shop, ansible: Path, workshop: Workshop, fault: BeginFault) -> None:
    tried = fault("the canary fails, under Ansible")
    release = workshop.variant(shop.first, "5.3", ANSWERS_WRONGLY)
    done = play(ansible, shop, release)
    assert done.returncode != 0, done.stdout
    assert "expected" in done.stdout
    for box in shop.boxes[1:]:
        assert release.name not in box.sudo("ls /opt/vision-serve/releases")
    assert set(shop.all_running().values()) == {shop.first.name}
    tried.came = f"exit {done.returncode}, no other box was touched"
