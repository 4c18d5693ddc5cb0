"""What TorchServe starts for a worker, in place of its own file of this name: `--sock-type unix --sock-name NAME …`,
in the folder of the unpacked archive.

The worker itself is forked by the family's parent, which has the model in memory. This process hands it stdout and
stderr and ends as it ends, killed or with the same status; when this one is killed, the parent kills it.
It imports little, since it stays as long as the worker does.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from worker.family import FORKED, STATUS_BYTES, Family  # noqa: E402 - its folder is on the path only now

ATTEMPTS = 2  # the parent may have been about to end


def main(arguments: list[str]) -> int:
    given = dict(zip(arguments[::2], arguments[1::2], strict=False))
    name = given["--sock-name"]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a parent that it started and that ended is no zombie
    family = Family(os.path.dirname(name), os.getcwd())
    for _ in range(ATTEMPTS):
        status = _worker(family, name)
        if status is not None and not os.WIFSIGNALED(status):
            return os.waitstatus_to_exitcode(status)
        if status is not None:
            break
    # Killed, or its parent was before it forked it: whichever signal it was, only this one is sure to end this process.
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


def _worker(family: Family, name: str) -> int | None:
    """How the worker ended, as waitpid tells it; None when the parent ended before it forked one."""
    with family.connect() as parent:
        try:
            socket.send_fds(parent, [name.encode()], [1, 2])
            if parent.recv(1) != FORKED:
                return None
        except OSError:
            return None
        word = parent.recv(STATUS_BYTES)
    return struct.unpack("!i", word)[0] if word else signal.SIGKILL  # with the parent its workers are killed


sys.exit(main(sys.argv[1:]))
