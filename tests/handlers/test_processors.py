import os
from pathlib import Path

import pytest

import processors

AFFINITY = len(os.sched_getaffinity(0))


def machine(folder: Path, group: str, **files: str) -> tuple[Path, Path]:
    """/proc and /sys/fs/cgroup with these files; `__` stands for a slash."""
    (folder / "proc" / "self").mkdir(parents=True)
    (folder / "proc" / "self" / "cgroup").write_text(group)
    for name, content in files.items():
        path = folder / "cgroup" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name.replace("_max", ".max").replace("cfs", ".cfs").replace("_.", ".")).write_text(content)
    return folder / "proc", folder / "cgroup"


@pytest.mark.parametrize(
    ("group", "files", "share"),
    [
        ("0::/\n", {"cpu_max": "150000 100000"}, 1.5),
        ("0::/\n", {"cpu_max": "max 100000"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a__b__cpu_max": "max 100000", "a__cpu_max": "50000 100000", "cpu_max": "max 100000"}, 0.5),
        ("0::/a/b\n", {"a__b__cpu_max": "300000 100000", "a__cpu_max": "400000 100000"}, 3.0),
        ("4:cpu,cpuacct:/\n", {"cpu__cpu_cfs_quota_us": "200000", "cpu__cpu_cfs_period_us": "100000"}, 2.0),
        ("4:cpu,cpuacct:/\n", {"cpu__cpu_cfs_quota_us": "-1", "cpu__cpu_cfs_period_us": "100000"}, None),
        # Inside a container the path is the machine's, and the mount is the container's own.
        ("4:cpu:/docker/1f\n", {"cpu__cpu_cfs_quota_us": "50000", "cpu__cpu_cfs_period_us": "100000"}, 0.5),
        ("3:cpuset:/x\n", {"cpu__cpu_cfs_quota_us": "50000", "cpu__cpu_cfs_period_us": "100000"}, None),
    ],
)
def test_a_containers_share(tmp_path: Path, group: str, files: dict[str, str], share: float | None) -> None:
    places = machine(tmp_path, group, **files)
    assert processors.quota(*places) == share
    assert processors.allowed(*places) == (AFFINITY if share is None else min(AFFINITY, max(1, -int(-share // 1))))


def test_without_control_groups_the_affinity_counts(tmp_path: Path) -> None:
    assert processors.allowed(tmp_path, tmp_path) == AFFINITY
