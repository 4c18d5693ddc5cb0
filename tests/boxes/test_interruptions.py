"""What happens in the middle: the deployer dies, the cable is pulled, the power goes, somebody else deploys too."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.releases import Release
from tests.boxes.shop import Shop, ask, forget, settle, watch, watch_delivery
from tests.boxes.workstation import Workstation, finished

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes


def test_a_deployer_that_is_killed_leaves_the_old_release_and_can_be_resumed(
    shop: Shop, restarting: Release, fault: BeginFault
) -> None:
    tried = fault("the deployer is killed (SIGKILL) while a box is at its gate")
    box = shop.boxes[0]
    until_the_gate = watch(box, "gate")
    deploying = shop.workstation.start(restarting, shop.names, waves=[1, 2])
    until_the_gate()
    deploying.send_signal(signal.SIGKILL)
    deploying.communicate()
    settle(box)
    assert set(shop.all_running().values()) == {shop.first.name}
    resumed = shop.workstation.deploy(restarting, shop.names, waves=[1, 2], RESUME="1")
    assert resumed.status == 0, resumed.said
    assert set(shop.all_running().values()) == {restarting.name}
    tried.came = "no confirm came, the box reverted automatically; RESUME=1 finished the roll-out"


def test_a_link_cut_between_the_switch_and_the_confirm_brings_the_box_back_by_itself(
    shop: Shop, restarting: Release, fault: BeginFault
) -> None:
    tried = fault("the link is cut after the switch and before the confirm")
    box = shop.boxes[1]
    until_the_gate, until_it_goes_back = watch(box, "gate"), watch(box, "revert")
    deploying = shop.workstation.start(restarting, [box.name])
    until_the_gate()
    box.cut()
    until_it_goes_back()
    box.plug()
    done = finished(deploying)
    assert done.status == 1, done.said
    settle(box)
    assert shop.running(box) == shop.first.name
    tried.came = f"back by itself; exit 1: {done.box(box.name)['error']}"


STEPS = ["receive", "verify", "space", "switch", "start", "gate", "confirm"]
SHORT = "gate"


@pytest.mark.parametrize(
    "step", [step if step == SHORT else pytest.param(step, marks=pytest.mark.thorough) for step in STEPS]
)
def test_a_power_cut_leaves_the_last_confirmed_release_at_boot(
    shop: Shop, restarting: Release, fault: BeginFault, step: str
) -> None:
    tried = fault(f"the power goes at {step}")
    box = shop.boxes[STEPS.index(step) % 3]
    forget(box, restarting)
    until = watch_delivery(box, restarting) if step == "receive" else watch(box, step)
    with cutting(box, until):
        done = shop.workstation.deploy(restarting, [box.name])
    status = settle(box)
    now = shop.running(box)
    assert now == status["confirmed"]
    assert now in (shop.first.name, restarting.name)
    if done.status == 0:
        assert now == restarting.name, "the workstation says that it is done"
    was = "the old" if now == shop.first.name else "the new"
    tried.came = f"booted with {was} release; exit {done.status}"
    if step in ("receive", "switch"):
        again = shop.workstation.deploy(restarting, [box.name])
        assert again.status == 0, again.said
        assert shop.running(box) == restarting.name
        tried.came += "; deployed again without further ado"


@contextmanager
def cutting(box: Box, until: Callable[[], None]) -> Iterator[None]:
    """While the body runs the power goes, at the moment that `until` waits for, and comes back."""
    failures: list[Exception] = []

    def cut() -> None:
        try:
            until()
            box.power_cut()
            box.power_back()
        except Exception as error:  # told in the test's own thread
            failures.append(error)

    thread = threading.Thread(target=cut)
    thread.start()
    yield
    thread.join()
    if failures:
        raise failures[0]


@pytest.mark.thorough
def test_a_box_out_of_reach_is_skipped_listed_and_taken_by_resume(
    shop: Shop, second: Release, fault: BeginFault
) -> None:
    tried = fault("a box out of reach")
    lost = shop.boxes[2]
    lost.cut()
    done = shop.workstation.deploy(second, shop.names, waves=[1, 2])
    assert done.status == 0, done.said
    assert done.box(lost.name)["kind"] == "unreachable"
    lost.plug()
    lost.wait_reachable()
    assert shop.running(lost) == shop.first.name
    resumed = shop.workstation.deploy(second, shop.names, waves=[1, 2], RESUME="1")
    assert resumed.status == 0, resumed.said
    assert set(shop.all_running().values()) == {second.name}
    tried.came = "skipped and listed; RESUME=1 took it"


@pytest.mark.thorough
def test_of_two_deployers_at_once_the_second_is_told_who_the_first_is(
    shop: Shop, restarting: Release, second: Release, fault: BeginFault
) -> None:
    tried = fault("two deployers at once")
    box = shop.boxes[0]
    other = Workstation(shop.session, shop.session.folder / "other-workstation", shop.workstation.signers)
    until_the_start = watch(box, "start")
    one = shop.workstation.start(restarting, [box.name])
    until_the_start()
    two = other.deploy(second, [box.name])
    done = finished(one)
    assert two.status == 1, two.said
    assert "locked by" in two.box(box.name)["error"]
    assert done.status == 0, done.said
    assert shop.running(box) == restarting.name
    tried.came = f"the first finished; the second was refused: {two.box(box.name)['error']}"


@pytest.mark.thorough
def test_a_reboot_brings_the_confirmed_release_back(shop: Shop, fault: BeginFault) -> None:
    tried = fault("a reboot")
    box = shop.boxes[0]
    box.reboot()
    settle(box)
    assert shop.running(box) == shop.first.name
    tried.came = "started at boot"


@pytest.fixture
def impatient(shop: Shop) -> Iterator[Box]:
    """A box whose watchdog acts after 20 s instead of three minutes."""
    box = shop.boxes[2]
    folder = "/run/systemd/system/vision-serve.service.d"
    box.sudo(f"mkdir -p {folder}")
    box.sudo(f"tee {folder}/quick.conf", stdin="[Service]\nWatchdogSec=20\n")
    box.sudo("systemctl daemon-reload")
    box.sudo("systemctl restart vision-serve")
    yield box
    box.sudo(f"rm -r {folder}")
    box.sudo("systemctl daemon-reload")


def test_the_watchdog_restarts_a_server_whose_predictions_stop(shop: Shop, impatient: Box, fault: BeginFault) -> None:
    tried = fault("a worker that hangs (SIGSTOP): the process lives, predictions stop")
    status = settle(impatient)
    began = time.monotonic()
    for worker in status["workers"]:
        impatient.sudo(f"kill -STOP {worker['pid']}")
    while impatient.sudo("systemctl show --value --property=NRestarts vision-serve").strip() == "0":
        assert time.monotonic() < began + 200, "it was never restarted"
        time.sleep(1)
    acted = time.monotonic() - began
    settle(impatient)
    assert shop.running(impatient) == shop.first.name
    tried.came = (
        f"restarted after {acted:.0f} s (WatchdogSec=20), answered {time.monotonic() - began:.0f} s after it hung"
    )


def test_status_says_what_each_box_runs(shop: Shop) -> None:
    told = shop.workstation.status(shop.names)
    assert {name: box["release"] for name, box in told.items()} == dict.fromkeys(shop.names, shop.first.name)
    assert ask(shop.boxes[0], "doctor")["ok"] is True
