"""Run a command that ends when the process that asked for it does, however that ends:
`python tied_process.py PID COMMAND…`.

Without it the rsync of a deployment that was killed goes on, and holds the half-sent file that a resumed run needs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

# prctl(2). The signal comes at the end of the thread that forked, which here waits for the command.
PR_SET_PDEATHSIG = 1


def command(wanted: Sequence[str]) -> list[str]:
    """The words that run `wanted` so, for a child of this process."""
    return [sys.executable, "-S", "-E", __file__, str(os.getpid()), *wanted]


def main(workspace: int, wanted: list[str]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != workspace:  # it ended before it could be asked for
        sys.exit(1)
    os.execvp(wanted[0], wanted)  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
