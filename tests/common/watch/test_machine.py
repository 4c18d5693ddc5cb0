"""What a machine tells of itself, from files that look like its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.watch import machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 400 kB\n")
    (tmp_path / "proc/self/cgroup").write_text("")
    return tmp_path


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_what_it_does_not_tell_is_left_out(root: Path) -> None:
    found = machine.gauges(root, root)
    assert found["memory_available_bytes"] == 400 * 1024
    assert set(found) == {"memory_available_bytes", "memory_bytes", "disk_free_bytes", "disk_bytes"}


def test_the_hottest_sensor_counts_and_one_that_is_broken_does_not(root: Path) -> None:
    for zone, text in enumerate(("51500\n", "48000\n", "", "broken")):
        put(root, f"sys/class/thermal/thermal_zone{zone}/temp", text)
    assert machine.gauges(root, root)["temperature_celsius"] == 51.5


@pytest.mark.parametrize(
    ("said", "throttled", "undervolted"), [("0", 0, 0), ("1", 0, 1), ("4", 1, 0), ("50005", 1, 1), ("50000", 0, 0)]
)
def test_a_raspberry_pi_says_what_slows_it_now(root: Path, said: str, throttled: int, undervolted: int) -> None:
    put(root, machine.THROTTLED, f"{said}\n")
    found = machine.gauges(root, root)
    assert (found["throttled"], found["undervolted"]) == (throttled, undervolted)


def test_whether_the_clock_was_set(root: Path) -> None:
    (root / machine.SYNCHRONIZED).parent.mkdir(parents=True)
    assert machine.gauges(root, root)["clock_synchronized"] == 0
    put(root, machine.SYNCHRONIZED, "")
    assert machine.gauges(root, root)["clock_synchronized"] == 1
