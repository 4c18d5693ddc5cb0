"""Ports for the tests: each is given out once, to no two of the processes that run tests side by side.

A port of the kernel's own choice is free only while it is held; between its choice and its server's start another
test's server, or any connection, may be given the same. So these lie below the kernel's range, and go round.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path

FIRST, LAST = 12_000, 32_000  # Linux's own choice begins at 32,768: net.ipv4.ip_local_port_range


def free_port() -> int:
    with (Path(tempfile.gettempdir()) / f"vision-serve-ports.{os.getuid()}").open("a+", encoding="ascii") as book:
        fcntl.flock(book, fcntl.LOCK_EX)
        book.seek(0)
        port = after(int(book.read() or FIRST))
        while not is_free(port):
            port = after(port)
        book.truncate(0)
        book.write(str(port))
        return port


def after(port: int) -> int:
    return FIRST if port >= LAST else port + 1


def is_free(port: int) -> bool:
    """Of every address: a server may listen at any of them."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
