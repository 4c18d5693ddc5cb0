"""What memory is left, as /proc and the control groups tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from common import memory


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """/proc of a machine with 900 MiB available."""
    proc = tmp_path / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 1024000 kB\nMemAvailable: 921600 kB\n")
    return proc


def limit(folder: Path, names: tuple[str, str], maximum: str, usage: int, cache: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in zip((*names, "memory.stat"), (maximum, str(usage), cache), strict=True):
        (folder / name).write_text(f"{value}\n")


def test_memory_is_what_the_machine_has_or_a_cgroup_above_leaves(machine: Path, tmp_path: Path) -> None:
    groups, names = tmp_path / "cgroup", ("memory.max", "memory.current")
    (machine / "self/cgroup").write_text("0::/system.slice/vision-serve.service\n")
    assert (memory.available(machine, groups), memory.total(machine)) == (900 << 20, 1000 << 20)
    limit(groups / "system.slice/vision-serve.service", names, "max", 0, "inactive_file 0")
    assert memory.available(machine, groups) == 900 << 20
    limit(groups / "system.slice", names, str(800 << 20), 700 << 20, f"anon 5\ninactive_file {50 << 20}")
    assert (memory.available(machine, groups), memory.allowed(machine, groups)) == (150 << 20, 800 << 20)


def test_a_warm_cache_is_not_used_memory(machine: Path, tmp_path: Path) -> None:
    """A container that has read its archive once: nearly all of its limit is cache, which gives way."""
    groups, names = tmp_path / "cgroup", ("memory.max", "memory.current")
    (machine / "self/cgroup").write_text("0::/\n")
    limit(
        groups, names, str(600 << 20), 590 << 20, f"anon {90 << 20}\nactive_file {400 << 20}\ninactive_file {100 << 20}"
    )
    assert (memory.available(machine, groups), memory.allowed(machine, groups)) == (510 << 20, 600 << 20)


def test_memory_under_the_older_cgroups(machine: Path, tmp_path: Path) -> None:
    groups, names = tmp_path / "cgroup", ("memory.limit_in_bytes", "memory.usage_in_bytes")
    (machine / "self/cgroup").write_text("3:cpu:/elsewhere\n2:memory:/box\n0::/box\n")
    limit(groups / "memory", names, "9223372036854771712", 0, "total_inactive_file 0")
    cached = f"total_inactive_file {15 << 20}\ntotal_active_file {5 << 20}"
    limit(groups / "memory/box", names, str(600 << 20), 500 << 20, cached)
    assert memory.available(machine, groups) == 120 << 20
