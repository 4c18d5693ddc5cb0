"""A server's processes, and the memory that they take together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")
WATCHERS = {"common.watch", "kit.serving.shadow"}  # modules that Python runs
# Of what stands behind workers, or watches them, in its command line, whose last word is the process id of its server.
BEHIND_WORKERS = {name.encode() for name in ("worker.importer", "worker.parent", *WATCHERS)}


def family(pid: int, proc: Path = PROC) -> list[int]:
    """The process and all its descendants; of TorchServe also the parents of its workers, which outlive the process
    that started them (worker/parent.py)."""
    children: dict[int, list[int]] = {}
    for entry in proc.iterdir():
        if entry.name.isdigit():
            for parent in (_parent(entry), _server(entry)):
                if parent is not None:
                    children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for member in found:
        found.extend(child for child in children.get(member, []) if child not in found)
    return found


def with_parents(workers: Sequence[int], proc: Path = PROC) -> set[int]:
    """Workers, the processes that they were forked from, and the one that those were."""
    found = set(workers)
    for pid in workers:
        entry = proc / str(pid)
        while _server(entry) is not None and (parent := _parent(entry)) is not None:
            entry = proc / str(parent)
            if _server(entry) is not None:
                found.add(parent)
    return found


def _server(entry: Path) -> int | None:
    """Whose workers' parent, or worker, it is by its command line."""
    try:
        words = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
        return int(words[-1]) if BEHIND_WORKERS.intersection(words) else None
    except (OSError, ValueError):
        return None


def _parent(entry: Path) -> int | None:
    try:
        # The name in () may hold spaces and brackets.
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def proportional(pids: Sequence[int], proc: Path = PROC) -> int:
    """Their memory in bytes (PSS): a page that n processes share counts one n-th for each. One that ended has none."""
    total = 0
    for pid in pids:
        try:
            rows = (proc / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:"))
    return total
