"""A server's processes, as /proc tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from common import processes


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A server 10 with a worker 12 of TorchServe's; the parent 20 of its other workers, whose starter is gone; and the
    parent of another server's workers."""
    ours, another = b"python\0-m\0worker.parent\0/t\0/f\x0010\0", b"python\0-m\0worker.parent\0/t\0/f\x0099\0"
    told = {10: (1, b"java\0"), 11: (10, b""), 12: (11, b""), 20: (1, ours), 21: (20, ours), 30: (1, another)}
    for pid, (parent, line) in told.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a (strange) name) S {parent} 0 0\n")
        (tmp_path / str(pid) / "cmdline").write_bytes(line)
        (tmp_path / str(pid) / "smaps_rollup").write_text("Rss: 900 kB\nPss: 100 kB\nPss_Anon: 50 kB\n")
    return tmp_path


def test_a_family_is_a_process_its_descendants_and_its_workers_parents(proc: Path) -> None:
    assert sorted(processes.family(10, proc)) == [10, 11, 12, 20, 21]
    assert len(processes.family(10, proc)) == 5, "each once"
    assert processes.family(21, proc) == [21]


def test_workers_are_told_with_what_they_were_forked_from(proc: Path) -> None:
    assert processes.with_parents([21], proc) == {20, 21}
    assert processes.with_parents([12], proc) == {12}, "TorchServe's own worker was forked from Java"
    assert processes.with_parents([77], proc) == {77}, "it has ended"


def test_their_memory_is_summed_by_shares(proc: Path) -> None:
    assert processes.proportional([10, 11, 99], proc) == 200 * 1024
