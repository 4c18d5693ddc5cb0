"""What a server's processes cost: processor time and memory, read from /proc."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class ProcessShare:
    """One process: `kind` is Java or worker, `memory` its proportional share (PSS), bytes."""

    kind: str
    pid: int
    memory: int


def family(pid: int) -> list[psutil.Process]:
    """The process and all that it started, those included; none when it has ended or `pid` is 0."""
    try:
        parent = psutil.Process(pid) if pid else None
        return [parent, *parent.children(recursive=True)] if parent else []
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """User and system time of the whole family so far. What ended meanwhile is in its parent's `children_…`."""
    total = 0.0
    for process in family(pid):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.Error:  # it ended just now
            continue
    return total


def shares(pid: int) -> list[ProcessShare]:
    """Every process of the family that is alive."""
    found = []
    for process in family(pid):
        try:
            kind = "Java" if process.pid == pid else "worker"
            found.append(ProcessShare(kind, process.pid, int(process.memory_full_info().pss)))
        except psutil.Error:
            continue
    return found
