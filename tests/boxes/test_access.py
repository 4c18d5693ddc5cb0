"""Boxes that half let a workstation in: few connections, another shell, a sudo that asks. What is said is true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.machine import USER
from tests.boxes.releases import Release
from tests.boxes.shop import Shop

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
thorough = pytest.mark.thorough
# What `ufw limit ssh` comes to: six new connections within 30 s, each further try counted too.
NEW = "-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --name limit"
LIMIT = (f"{NEW} --set", f"{NEW} --update --seconds 30 --hitcount 6 -j REJECT")


@contextmanager
def limited(box: Box) -> Iterator[None]:
    """Meanwhile the box takes five ssh connections in 30 s, and the tests make none of their own."""
    rules = "; ".join(f"iptables-legacy {rule}" for rule in LIMIT)
    box.sudo(f"sh -c 'iptables-legacy -F; {rules}'")
    try:
        yield
    finally:
        box.inside("iptables-legacy", "-F")


def test_a_box_that_limits_ssh_connections(shop: Shop, restarting: Release, fault: BeginFault) -> None:
    tried = fault("`ufw limit ssh`: six connections in 30 s, the sixth refused; deploy, deploy again, roll back")
    box = shop.boxes[2]
    with limited(box):
        done = shop.workstation.deploy(restarting, [box.name])
        again = shop.workstation.deploy(restarting, [box.name])
        back = shop.workstation.rollback([box.name])
    assert [outcome.status for outcome in (done, again, back)] == [0, 0, 0], f"{done.said}{again.said}{back.said}"
    assert again.box(box.name)["kind"] == "unchanged"
    assert shop.running(box) == shop.first.name
    tried.came = "all three done"


@contextmanager
def login(box: Box, command: str, undo: str) -> Iterator[None]:
    box.sudo(f"sh -c {command!r}")
    try:
        yield
    finally:
        box.inside("sh", "-c", undo)


SHELL = f"usermod --shell /bin/bash {USER}"
RC = f"/home/{USER}/.bashrc"


@thorough  # tests/transport has both, without a box
@pytest.mark.parametrize("shell", ["tcsh", "fish"])
def test_a_login_shell_that_is_no_sh_does_too(shop: Shop, second: Release, fault: BeginFault, shell: str) -> None:
    tried = fault(f"the ssh user's login shell is {shell}")
    box = shop.boxes[2]
    with login(box, f"usermod --shell /usr/bin/{shell} {USER}", SHELL):
        done = shop.workstation.deploy(second, [box.name])
        told = shop.workstation.status([box.name])[box.name]
    assert done.status == 0, f"{done.document}{done.said}"
    assert (told["release"], told["answers"]) == (second.name, True)
    tried.came = "deployed, and its status told"


@pytest.mark.parametrize(
    ("what", "command", "undo", "words"),
    [
        pytest.param(
            "nologin", f"usermod --shell /usr/sbin/nologin {USER}", SHELL, "not available", marks=thorough, id="nologin"
        ),
        pytest.param(
            "bash, whose rc file exits",
            f"cp {RC} /root/rc; echo exit 3 | cat - /root/rc > {RC}",
            f"cp /root/rc {RC}",
            "3",
            marks=thorough,
            id="rc file",
        ),
        pytest.param(
            "bash, and sudo wants a password",
            "mv /etc/sudoers.d/operator /root/operator",
            "mv /root/operator /etc/sudoers.d/operator",
            "sudo",
            id="sudo",
        ),
    ],
)
def test_a_login_that_runs_nothing_is_told_as_that(
    shop: Shop, restarting: Release, fault: BeginFault, what: str, command: str, undo: str, words: str
) -> None:
    tried = fault(f"the ssh user's login shell is {what}")
    box = shop.boxes[2]
    with login(box, command, undo):
        done = shop.workstation.deploy(restarting, [box.name])
        told = shop.workstation.status([box.name])[box.name]
    assert done.status == 1
    for error in (done.box(box.name)["error"], told["error"]):
        assert words in error
        assert "bare" not in error
        assert "has no python3" not in error
    tried.came = f"exit 1: {done.box(box.name)['error']}"
