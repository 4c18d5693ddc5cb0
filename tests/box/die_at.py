"""Runs the on-box program and kills it, by SIGKILL, at its n-th change of the disk: a power cut at any instant.

    python -m tests.box.die_at N verb …

Python's own audit events tell of each file opened for writing, renamed, linked, removed; children have their own lives.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from box.cli import main

CHANGES = (
    "os.rename",
    "os.link",
    "os.symlink",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "shutil.rmtree",
    "subprocess.Popen",
)


def die_at(number: int) -> None:
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not writes and event not in CHANGES:
            return
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    die_at(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
