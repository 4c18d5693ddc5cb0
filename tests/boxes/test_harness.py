"""The boxes are what the other tests take them for: three machines, and the faults done to them are real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.boxes.box import MEMORY_MB, Box
from tests.boxes.session import Session

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
DISK_MB = 300


@pytest.fixture(scope="module")
def bare_boxes(boxes_session: Session) -> Iterator[list[Box]]:
    with ExitStack() as stack:
        boxes = []
        for number in (7, 8, 9):
            boxes.append(Box(boxes_session, number, DISK_MB))
            stack.callback(boxes[-1].destroy)
            boxes[-1].boot()
        yield boxes


def test_three_boxes_boot_with_systemd_and_addresses_of_their_own(bare_boxes: list[Box]) -> None:
    for box in bare_boxes:
        assert box.ssh("cat /proc/1/comm").stdout.strip() == "systemd"
        assert box.ssh("systemctl is-system-running --wait").stdout.strip() == "running"
        assert box.ssh("hostname").stdout.strip() == box.name
        assert box.address in box.ssh("ip -4 address show dev host0").stdout


def test_a_box_is_bare(bare_boxes: list[Box]) -> None:
    box = bare_boxes[0]
    assert box.ssh("python3 -c 'import ssl'").returncode == 0
    for absent in ("python3 -m pip --version", "python3 -c 'import ensurepip'", "java -version", "curl --version"):
        assert box.ssh(absent).returncode != 0, absent


def test_a_box_sees_and_has_its_own_memory_only(bare_boxes: list[Box]) -> None:
    box = bare_boxes[0]
    total_kb = int(box.ssh("grep MemTotal /proc/meminfo").stdout.split()[1])
    assert total_kb == MEMORY_MB * 1024
    for limit, taken in (("infinity", MEMORY_MB + 100), ("50M", 100)):  # the box's, and a unit's own below it
        unit = f"sudo systemd-run --wait -p MemoryMax={limit} python3 -c 'bytearray({taken} << 20)'"
        assert "code=killed/status=KILL" in box.ssh(unit).stderr


def test_a_box_mounts_what_a_real_image_mounts(bare_boxes: list[Box]) -> None:
    """Nothing in /run, /tmp and /var/tmp can be executed, and /run is a tenth of the memory; also after a boot."""
    box = bare_boxes[0]
    box.reboot()
    for place in ("/run", "/tmp", "/var/tmp"):  # noqa: S108 (in the box)
        options = box.ssh(f"findmnt --noheadings --output OPTIONS {place}").stdout.strip().split(",")
        assert {"nosuid", "nodev", "noexec"} <= set(options), place
        box.sudo(f"cp /bin/true {place}/program")
        assert "Permission denied" in box.ssh(f"{place}/program").stderr
        box.sudo(f"rm {place}/program")
    size = int(box.ssh("df --block-size=1M --output=size /run").stdout.split()[1])
    assert abs(size - MEMORY_MB / 10) <= 1


def test_a_disk_that_fails_is_read_only_until_it_was_checked(bare_boxes: list[Box]) -> None:
    box = bare_boxes[1]
    box.disk.sync()
    box.disk.fail()
    assert "Read-only file system" in box.ssh("sudo touch /new").stderr
    box.power_cut()
    box.check_disk()
    box.power_back(read_only=True)
    assert "Read-only file system" in box.ssh("sudo touch /new").stderr
    box.power_cycle()
    assert box.ssh("sudo touch /new").returncode == 0


def test_a_full_disk_is_full(bare_boxes: list[Box]) -> None:
    box = bare_boxes[0]
    full = box.ssh("sudo fallocate --length 1G /filler; sudo dd if=/dev/zero of=/filler bs=1M")
    box.sudo("rm /filler")
    assert "No space left on device" in full.stderr


def test_a_power_cut_loses_what_was_not_synced_and_keeps_what_was(bare_boxes: list[Box]) -> None:
    box = bare_boxes[1]
    box.sudo("python3 -", stdin="f = open('/synced', 'w'); f.write('kept'); f.flush(); import os; os.fsync(f.fileno())")
    box.sudo("sync --file-system /")
    box.sudo("tee /unsynced", stdin="lost")
    box.power_cut()
    assert box.ssh("true").returncode != 0
    box.power_back()
    assert box.ssh("cat /synced").stdout == "kept"
    assert box.ssh("cat /unsynced").stdout == ""


def test_a_cut_cable_is_cut_and_can_be_plugged_in_again(bare_boxes: list[Box]) -> None:
    box = bare_boxes[2]
    box.cut()
    assert box.ssh("true").returncode != 0
    box.plug()
    box.wait_reachable()


def test_a_box_comes_back_from_a_reboot(bare_boxes: list[Box]) -> None:
    box = bare_boxes[2]
    boot = box.ssh("cat /proc/sys/kernel/random/boot_id").stdout
    box.reboot()
    assert box.ssh("cat /proc/sys/kernel/random/boot_id").stdout != boot
