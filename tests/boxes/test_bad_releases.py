"""Releases that must not stay: each box goes back to the one before, and the operator sees why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from tests.boxes.conftest import BeginFault
from tests.boxes.releases import ANSWERS_WRONGLY, CRASHES, SLOW, Members, Release, Workshop, hungry
from tests.boxes.shop import Shop, forget

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
A_SETTING = "# a setting changed"


@dataclass(frozen=True)
class Bad:
    """`version` tells it from the others; with `properties` it needs a restart, without it is tried beside the old."""

    what: str
    version: str
    members: Members
    says: str
    properties: str = ""
    gate: Mapping[str, int] = field(default_factory=dict)
    thorough: bool = False


BAD = [
    Bad("crashes at start", "4.0", CRASHES, "this release cannot start", properties=A_SETTING),
    Bad("crashes at start, tried hot", "4.1", CRASHES, "this release cannot start", thorough=True),
    Bad("starts and answers wrongly", "5.0", ANSWERS_WRONGLY, "expected", properties=A_SETTING, thorough=True),
    Bad("starts and answers wrongly, tried hot", "5.1", ANSWERS_WRONGLY, "expected"),
    Bad("is too slow", "6.0", SLOW, "p95", gate={"requests": 4, "p95_ms": 2000}, thorough=True),
    Bad("is too big for its limit", "7.0", hungry(340), "MB", properties=A_SETTING),
    Bad("is too big for the box", "7.1", hungry(1200), "", properties=A_SETTING, thorough=True),
]


@pytest.fixture
def bad_release(workshop: Workshop, first: Release) -> Callable[[Bad], Release]:
    return lambda bad: workshop.variant(first, bad.version, bad.members, bad.properties, bad.gate)


@pytest.mark.parametrize(
    "bad", [pytest.param(bad, marks=[pytest.mark.thorough] * bad.thorough, id=bad.what) for bad in BAD]
)
def test_a_release_that_does_not_pass_the_gate_is_taken_back_by_the_box(
    shop: Shop, bad_release: Callable[[Bad], Release], fault: BeginFault, bad: Bad
) -> None:
    tried = fault(f"a release that {bad.what}")
    box = shop.boxes[int(float(bad.version) * 10) % 2]
    done = shop.workstation.deploy(bad_release(bad), [box.name])
    told = done.box(box.name)
    assert done.status == 1, done.said
    assert told["running"] == shop.first.name
    assert bad.says in " ".join([told["error"], *told["log"]])
    assert shop.running(box) == shop.first.name
    tried.came = f"exit 1, back by itself ({told['how']}): {told['error']}"


@pytest.mark.thorough
def test_a_canary_that_fails_keeps_the_release_from_every_other_box(
    shop: Shop, workshop: Workshop, first: Release, fault: BeginFault
) -> None:
    tried = fault("the canary fails")
    release = workshop.variant(first, "5.2", ANSWERS_WRONGLY)
    done = shop.workstation.deploy(release, shop.names, waves=[1, 2])
    assert done.status == 1, done.said
    assert done.document["verdict"] != "done"
    for box in shop.boxes[1:]:
        assert done.box(box.name)["touched"] is False
        assert release.name not in box.sudo("ls /opt/vision-serve/releases")
    assert set(shop.all_running().values()) == {shop.first.name}
    tried.came = "exit 1, no other box was touched"


def test_a_second_wave_that_fails_takes_back_the_boxes_that_already_changed(
    shop: Shop, restarting: Release, fault: BeginFault
) -> None:
    """The release is good, and one box of the second wave has no room for it."""
    tried = fault("the second wave fails (a box with a full disk)")
    forget(shop.boxes[2], restarting)
    with shop.crowded(shop.boxes[1]):
        done = shop.workstation.deploy(restarting, shop.names, waves=[1, 1, 1])
    assert done.status == 1, done.said
    assert done.document["verdict"] == "taken back"
    assert done.box("box-1")["kind"] == "taken back"
    assert done.box("box-2")["kind"] == "failed"
    assert restarting.name not in shop.boxes[2].sudo("ls /opt/vision-serve/releases")
    assert set(shop.all_running().values()) == {shop.first.name}
    tried.came = "exit 1, the canary was taken back, the third box was never touched"
