"""A seeded drill: deployments during which the workstation, the box's program, the power or the cable is taken at a
random instant. No box is ever stranded, and the next deployment needs no hand on it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time

import pytest

from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.releases import Release
from tests.boxes.shop import Shop, settle
from tests.boxes.workstation import finished

pytestmark = pytest.mark.timeout(3600)  # whichever test comes first makes the boxes
SEED = int(os.environ.get("CHAOS_SEED", "9"))
LONGEST = 14.0  # seconds: about as long as a deployment with a restart takes here


def the_workstation(box: Box, workstation: subprocess.Popen[str]) -> None:
    workstation.send_signal(signal.SIGKILL)


def the_program(box: Box, workstation: subprocess.Popen[str]) -> None:
    box.inside("pkill", "-KILL", "-f", "box.pyz")


def the_power(box: Box, workstation: subprocess.Popen[str]) -> None:
    box.power_cut()
    box.power_back()


def the_cable(box: Box, workstation: subprocess.Popen[str]) -> None:
    box.cut()
    time.sleep(8)
    box.plug()


TAKEN = [the_workstation, the_program, the_power, the_cable]


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.thorough)])
def test_something_is_taken_at_a_random_instant(
    shop: Shop, restarting: Release, second: Release, fault: BeginFault, rounds: int
) -> None:
    tried = fault(f"{rounds} deployments, each with the workstation, the program, the power or the cable taken")
    chance = random.Random(SEED)  # noqa: S311 (not a secret)
    box = shop.boxes[0]
    known = {release.name for release in (shop.first, restarting, second)}
    took = []
    for number in range(rounds):
        release = (restarting, second)[number % 2]
        taken, instant = chance.choice(TAKEN), chance.uniform(0.5, LONGEST)
        deploying = shop.workstation.start(release, [box.name], BREAK_LOCK="1")
        timer = threading.Timer(instant, taken, (box, deploying))
        timer.start()
        done = finished(deploying)
        timer.join()
        box.wait_reachable()
        status = settle(box)
        where = f"round {number}: {taken.__name__} after {instant:.1f} s (seed {SEED})"
        assert shop.running(box) == status["confirmed"], where
        assert status["confirmed"] in known, where
        if done.status == 0:
            assert status["confirmed"] == release.name, where
        again = shop.workstation.deploy(release, [box.name], BREAK_LOCK="1")
        assert again.status == 0, f"{where}: {again.document}\n{again.said}"
        assert shop.running(box) == release.name, where
        took.append(f"{taken.__name__.removeprefix('the_')} at {instant:.0f} s")
    tried.came = f"none stranded, each next deployment unaided ({', '.join(took)})"
