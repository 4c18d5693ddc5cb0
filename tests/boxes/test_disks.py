"""Disks that take nothing more: such a box serves on, and is a failed box of a roll-out like any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.releases import Release
from tests.boxes.shop import FILLER, Shop, ask, settle

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
thorough = pytest.mark.thorough


@pytest.fixture
def dying(shop: Shop) -> Iterator[Box]:
    """The second box, whose disk a test has go read-only; afterwards it is checked and writable again."""
    box = shop.boxes[1]
    yield box
    if box.is_on:
        box.power_cut()
    box.check_disk()
    box.power_back()


def test_a_disk_gone_read_only_serves_on_starts_again_and_is_refused_alone(
    shop: Shop, restarting: Release, dying: Box, fault: BeginFault
) -> None:
    tried = fault("the disk goes read-only, as a dying SD card does; then a restart, and a boot with it")
    dying.disk.sync()
    dying.disk.fail()
    assert shop.running(dying) == shop.first.name
    dying.sudo("systemctl restart vision-serve")
    settle(dying)
    assert shop.running(dying) == shop.first.name
    status = ask(dying, "status")
    assert status["disk_writable"] is False
    assert "read-only" in status["disk_why"]
    assert any("read-only" in row["message"] for row in ask(dying, "doctor")["findings"])
    done = shop.workstation.may_lose(1).deploy(restarting, shop.names)
    assert done.status == 1, done.said
    assert "read-only" in done.box(dying.name)["error"]
    assert {name: done.box(name)["kind"] for name in shop.names} == {
        "box-1": "changed",
        dying.name: "failed",
        "box-3": "changed",
    }
    assert shop.running(dying) == shop.first.name
    dying.power_cut()
    dying.check_disk()
    dying.power_back(read_only=True)
    settle(dying)
    assert shop.running(dying) == shop.first.name
    tried.came = f"served on, after a restart and after a boot; the others were deployed to; it: {said(done, dying)}"


def said(done: object, box: Box) -> str:
    return str(done.box(box.name)["error"])  # type: ignore[attr-defined]


def no_bytes(box: Box) -> None:
    box.ssh(f"sudo dd if=/dev/zero of={FILLER} bs=1M")
    box.ssh(f"sudo dd if=/dev/zero of={FILLER} bs=1 oflag=append conv=notrunc")


def no_inodes(box: Box) -> None:
    box.ssh(f"sudo mkdir -p {FILLER}; seq 1000000 | (cd {FILLER} && sudo xargs --max-args=2000 touch)", timeout=120)


@pytest.mark.parametrize(
    ("fill", "figure"),
    [
        # ext4 keeps some megabytes for itself, and counts them as free.
        pytest.param(no_bytes, r"\b1?\d MB", marks=thorough, id="no bytes left"),
        pytest.param(no_inodes, r"\b0 inodes", marks=thorough, id="no inodes left"),
    ],
)
def test_a_disk_with_nothing_left_does_not_stop_the_others(
    shop: Shop,
    restarting: Release,
    fault: BeginFault,
    request: pytest.FixtureRequest,
    fill: Callable[[Box], None],
    figure: str,
) -> None:
    tried = fault(f"a disk with {request.node.callspec.id}, in a fleet that may lose one")
    box = shop.boxes[1]
    fill(box)
    done = shop.workstation.may_lose(1).deploy(restarting, shop.names)
    assert done.status == 1, done.said
    error = done.box(box.name)["error"]
    assert re.search(figure, error), error
    assert {done.box(name)["kind"] for name in ("box-1", "box-3")} == {"changed"}
    assert shop.running(box) == shop.first.name
    box.sudo(f"rm -rf {FILLER}")
    again = shop.workstation.deploy(restarting, [box.name])
    assert again.status == 0, again.said
    assert shop.running(box) == restarting.name
    tried.came = f"the others were deployed to; it: {error}; deployed once there was room"


@thorough
def test_a_box_that_is_damaged_beyond_its_program_does_not_stop_the_others(
    shop: Shop, restarting: Release, fault: BeginFault
) -> None:
    """Its python3 is gone: nothing of ours can run there, and what runs goes on."""
    tried = fault(
        "a box whose box.pyz cannot be replaced (an immutable file that is noise), in a fleet that may lose one"
    )
    box = shop.boxes[1]
    program = "/opt/vision-serve/box.pyz"
    box.sudo(f"cp {program} /root/kept.pyz")
    box.sudo(f"sh -c 'rm {program}; mkdir {program}; touch {program}/in-the-way'")
    try:
        done = shop.workstation.may_lose(1).deploy(restarting, shop.names)
        assert done.status == 1, done.said
        assert {done.box(name)["kind"] for name in ("box-1", "box-3")} == {"changed"}
        assert done.box(box.name)["kind"] == "failed"
    finally:
        box.sudo(f"sh -c 'rm -r {program}; mv /root/kept.pyz {program}'")
    assert shop.running(box) == shop.first.name
    tried.came = f"the others were deployed to; it: {done.box(box.name)['error']}"


@thorough
def test_a_root_in_memory_takes_no_release(shop: Shop, restarting: Release, fault: BeginFault) -> None:
    tried = fault("/opt/vision-serve is an overlay in memory, as raspi-config makes the whole root")
    box, home = shop.boxes[1], "/opt/vision-serve"
    box.sudo("mkdir -p /run/memory")
    box.sudo("mount -t tmpfs none /run/memory")
    box.sudo("mkdir /run/memory/upper /run/memory/work")
    layers = f"lowerdir={home},upperdir=/run/memory/upper,workdir=/run/memory/work"
    box.sudo(f"mount -t overlay overlay -o {layers} {home}")
    try:
        done = shop.workstation.deploy(restarting, [box.name])
        assert done.status == 1, done.said
        assert "kept in memory" in done.box(box.name)["error"]
        assert any("kept in memory" in row["message"] for row in ask(box, "doctor")["findings"])
    finally:
        box.sudo(f"umount --lazy {home}")
        box.sudo("umount --lazy /run/memory")
    assert shop.running(box) == shop.first.name
    tried.came = f"exit 1: {done.box(box.name)['error']}"
