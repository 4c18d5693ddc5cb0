"""Faults that pass: a box keeps trying for as long as it has power."""

from __future__ import annotations

import time

import pytest

from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.releases import Release
from tests.boxes.shop import Shop, ask, settle, wait_until

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
SQUATTER = (
    "sudo systemd-run --quiet --unit=squatter python3 -c "
    "'import socket, time; s = socket.create_server((\"0.0.0.0\", 8080)); time.sleep({seconds})'"
)


CAUSE = "Failed to bind to address"


def restarts(box: Box) -> int:
    return int(box.sudo("systemctl show --value --property=NRestarts vision-serve"))


def told(box: Box, cause: str, until: float) -> str:
    """What status says of a box that does not answer, once status and doctor have both named the cause."""
    by: dict[str, str] = {}
    while time.monotonic() < until and len(by) < 2:
        status = ask(box, "status")
        assert not status["answers"]
        if cause in status["why_not"]:
            by["status"] = status["why_not"]
        if any(cause in row["message"] for row in ask(box, "doctor")["findings"]):
            by["doctor"] = cause
    assert len(by) == 2, "\n".join([str(by), *ask(box, "logs", "-n", "400")["lines"][-60:]])
    return by["status"]


@pytest.mark.parametrize(("seconds", "tries"), [(45, 2), (240, 5)], ids=["45 s", "240 s"])
@pytest.mark.thorough
def test_a_port_that_is_taken_for_a_while(shop: Shop, fault: BeginFault, seconds: int, tries: int) -> None:
    tried = fault(f"another program has the port for {seconds} s when the server starts")
    box = shop.boxes[2]
    box.sudo("systemctl stop vision-serve")
    assert box.ssh(SQUATTER.format(seconds=seconds)).returncode == 0
    began = time.monotonic()
    box.sudo("systemctl start --no-block vision-serve")
    told(box, CAUSE, began + seconds - 5)
    settle(box, timeout=400)
    count = restarts(box)
    assert count >= tries
    assert shop.running(box) == shop.first.name
    assert box.ssh("test -e /run/vision-serve-failed-starts").returncode == 1, "the next failure is a first one again"
    tried.came = f"answered {time.monotonic() - began - seconds:.0f} s after it was free, at try {count + 1}"


def test_a_server_that_was_stopped_while_it_waited_for_its_restart(
    shop: Shop, restarting: Release, fault: BeginFault
) -> None:
    """systemd keeps its count of restarts then, which is not to count against what starts next."""
    tried = fault("the server is killed twice, and stopped before systemd starts it again")
    box = shop.boxes[2]
    before = restarts(box)
    box.sudo("systemctl kill --signal=KILL vision-serve")
    wait_until(lambda: restarts(box) > before, "systemd's next start of it")
    box.sudo("sh -c 'systemctl kill --signal=KILL vision-serve; sleep 1; systemctl stop vision-serve'")
    assert restarts(box) > before, "it is stopped, and the count is still there"
    done = shop.workstation.deploy(restarting, [box.name])
    assert done.status == 0, done.said
    assert shop.running(box) == restarting.name
    tried.came = "the next release was deployed"


@pytest.mark.thorough
def test_a_scratch_that_is_noexec_is_named(shop: Shop, fault: BeginFault) -> None:
    """What a real /run did to TorchServe before its unit had a file system of its own."""
    tried = fault("what Java unpacks lands on a file system mounted noexec")
    box = shop.boxes[2]
    folder = "/run/systemd/system/vision-serve.service.d"
    mount = "TemporaryFileSystem=/run/vision-serve-scratch:mode=1777,noexec"
    box.sudo(f"mkdir -p {folder}")
    box.sudo(f"tee {folder}/noexec.conf", stdin=f"[Service]\nTemporaryFileSystem=\n{mount}\n")
    box.sudo("systemctl daemon-reload")
    box.ssh("sudo systemctl restart vision-serve")
    why_not = told(box, "mounted noexec", time.monotonic() + 60)
    box.sudo(f"rm -r {folder}")
    box.sudo("systemctl daemon-reload")
    box.sudo("systemctl restart vision-serve")
    settle(box)
    tried.came = f"status, doctor and the gate say: {why_not}"
