import os
from pathlib import Path

import pytest

from kit import machine

MEMINFO = "MemTotal:        2048 kB\nMemFree:          100 kB\nMemAvailable:     1024 kB\nHugePages_Total:       0\n"


def test_meminfo_counts_in_kibibytes() -> None:
    assert machine.meminfo(MEMINFO)["MemAvailable"] == 1024 * 1024


def test_this_machine() -> None:
    here = machine.detect()
    assert here.cores == len(os.sched_getaffinity(0))
    assert 0 < here.memory_available <= here.memory_total


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, usage = tmp_path / "limit", tmp_path / "usage"
    limit.write_text(str(1 << 30))
    usage.write_text(str(1 << 29))
    monkeypatch.setattr(machine, "CGROUP_LIMITS", (tmp_path / "absent", limit))
    monkeypatch.setattr(machine, "CGROUP_USAGES", (usage,))
    here = machine.detect()
    assert (here.memory_total, here.memory_available) == (1 << 30, 1 << 29)


def test_no_limit_is_written_max(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("max\n")
    monkeypatch.setattr(machine, "CGROUP_LIMITS", (limit,))
    assert machine.detect().memory_total == machine.meminfo(Path("/proc/meminfo").read_text())["MemTotal"]
