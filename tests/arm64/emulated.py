"""A test's own box: the arm64 root under an overlay, in namespaces that have no network and end with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

SETUP = """
set -e
mount -t overlay overlay -o lowerdir="$1",upperdir="$2/upper",workdir="$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /sys "$2/root/sys"
mount --rbind /dev "$2/root/dev"
ip link set lo up
echo ready
exec sleep infinity
"""


@dataclass(frozen=True)
class Emulated:
    """`root` is the box's /, as `inside` and `beside` see it; `pid` a process in its namespaces."""

    root: Path
    pid: int

    def inside(self, *command: str) -> list[str]:
        """The command that runs an arm64 program on the box."""
        return [*self._enter(), "chroot", str(self.root), *command]

    def beside(self, *command: str) -> list[str]:
        """The command that runs a program of this machine in the box's network, with its files below `root`."""
        return [*self._enter(), *command]

    def box(self, *words: str, program: str = "/opt/vision-serve/box.pyz") -> dict[str, Any]:
        """What a verb of the on-box program answered; its words for people are shown as they come."""
        done = subprocess.run(
            self.inside("/usr/bin/python3", program, *words), stdout=subprocess.PIPE, stderr=sys.stdout, text=True
        )
        lines = done.stdout.splitlines()
        assert lines, f"{words} answered nothing"
        for line in lines[:-1]:
            print(line, flush=True)
        answer: dict[str, Any] = json.loads(lines[-1])
        assert answer["event"] == "result"
        assert (done.returncode == 0) == answer["ok"]
        return answer

    def _enter(self) -> list[str]:
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--net"]


@contextmanager
def started(base: Path, folder: Path) -> Iterator[Emulated]:
    """Nothing of it is left on the machine: mounts, processes and network end with its first process."""
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    namespaces = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
    command = [*namespaces, "sh", "-c", SETUP, "sh", str(base), str(folder)]
    outside = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert outside.stdout is not None
        assert outside.stdout.readline() == "ready\n", "the emulated box could not be set up (root is needed)"
        yield Emulated(folder / "root", psutil.Process(outside.pid).children()[0].pid)
    finally:
        outside.kill()
        outside.wait()
        assert outside.stdout is not None
        outside.stdout.close()
