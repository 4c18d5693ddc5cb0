"""A server instead of a box: installed with its gateway, a worker a processor, and taken away without a trace."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.boxes.box import Box
from tests.boxes.conftest import DISK_MB
from tests.boxes.releases import Release, Workshop
from tests.boxes.session import Session
from tests.boxes.shop import Shop, ask

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
# What an installation makes, by the names that it gives: nothing of the system's own has them.
TRACES = r"""
find / -xdev -name "*vision-serve*"
find /run /etc/systemd -name "*vision-serve*"
systemctl list-units --all --no-legend "*vision-serve*"
grep vision-serve /etc/passwd /etc/group
pgrep --list-full --uid 0 "nginx|java" || true
"""


@pytest.fixture
def server(boxes_session: Session, shop: Shop) -> Iterator[Box]:
    """Another machine of the network, to which nothing was ever deployed."""
    made = Box(boxes_session, 4, DISK_MB, (boxes_session.folder / "runtimes",))
    made.boot()
    yield made
    made.destroy()


@pytest.fixture
def onprem(workshop: Workshop) -> Release:
    return workshop.good("1.0", profile="onprem")


def test_a_server_is_installed_and_uninstalled_over_ssh(shop: Shop, server: Box, onprem: Release) -> None:
    def run(verb: str, **variables: str) -> str:
        """It goes well, and this is what it prints for people."""
        named = {"FLEET": "", "HOSTS": f"pi@{server.name}", "JSON": "", "BUNDLE": str(onprem.file)} | variables
        return shop.workstation.printed(verb, [], **named)

    installed = run("install", SIGNERS=str(shop.workstation.signers))
    assert f"nothing → {onprem.name}, first" in installed
    assert "made the user vision-serve" in installed
    status = ask(server, "status")
    assert status["answers"] and len(status["workers"]) == len(os.sched_getaffinity(0))
    assert status["gateway"]["ready"], "its own programs reach it, nobody else does"
    assert "http://127.0.0.1:8000" in server.sudo("cat /etc/vision-serve/box.json")
    again = run("install", GATEWAY="0.0.0.0:8443")
    assert "1 had it already" in again and "0.0.0.0:8443" in again
    removed = run("uninstall")
    assert f"{server.name}: removed /opt/vision-serve" in removed
    assert server.sudo(f"sh -c '{TRACES}'") == ""
    run("uninstall")  # of nothing: that is how it is to be
