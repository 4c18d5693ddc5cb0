"""The kernel's calls for namespaces that Python 3.11 does not have."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_REC_PRIVATE = 0x4000 | 0x40000
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def in_network(namespace: Path) -> Iterator[None]:
    """This thread's new sockets, and the processes it starts, are in that network namespace."""
    with Path("/proc/thread-self/ns/net").open() as home, namespace.open() as other:
        _check(_libc.setns(other.fileno(), CLONE_NEWNET))
        try:
            yield
        finally:
            _check(_libc.setns(home.fileno(), CLONE_NEWNET))


def make_mounts_private() -> None:
    """From now on what this thread, and the processes it starts, mount is seen by them alone.

    Any other program that took a copy of the machine's mounts would keep a disk alive whose power is cut.
    """
    _check(_libc.unshare(CLONE_NEWNS))
    _check(_libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC_PRIVATE), None))


def without_mounts(points: list[Path]) -> Callable[[], None]:
    """For Popen's preexec_fn: mounts of its own, without `points`: a container keeps all that it was started with."""
    names = [os.fsencode(point) for point in points]

    def leave() -> None:
        make_mounts_private()
        for name in names:
            _check(_libc.umount2(name, MNT_DETACH))

    return leave


def _check(status: int) -> None:
    if status:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
