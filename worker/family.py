"""How the workers of one model version find their parent: a unix socket in the server's TEMP, and a lock beside it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FORKED = b"\x01"  # the parent's word that a worker was forked; after it comes how that one ended, as waitpid tells it
METRICS = b"metrics"  # asks the parent for them, where a worker gives its socket's name and its streams
STATUS_BYTES = 4
LISTENER = 3  # the parent's file descriptor for its socket
REQUEST_BYTES = 1 << 17  # at most, of what the importer is asked: a packet of the kernel's usual size
# Threads do not survive a fork: OpenBLAS starts its own when NumPy is imported.
SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1"}


def importer_address(temp: str) -> str:
    return f"{temp}/.imports"


@dataclass(frozen=True)
class Family:
    """The workers of the archive that was unpacked into `folder`, of the server whose TEMP this is."""

    temp: str
    folder: str

    @property
    def address(self) -> str:
        """Shorter than a worker's own socket, whose name is bounded (sun_path)."""
        return f"{self.temp}/.fam.{zlib.crc32(self.folder.encode()):08x}"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody else of the family starts or ends a parent."""
        with open(f"{self.address}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def connect(self) -> socket.socket:
        """To the parent, which is started when there is none."""
        with self.alone():
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(self.address)
            except OSError:
                connection.close()
                self._start_parent()
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(self.address)  # it may still import: the connection waits in the queue
            return connection

    def _start_parent(self) -> None:
        if os.path.exists(self.address):
            os.unlink(self.address)  # of one that was killed
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen(64)
            if self._forked_from_importer(listener):
                return
            above = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
            paths = [above, *filter(None, [os.environ.get("PYTHONPATH", "")])]
            os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "worker.parent", self.temp, self.folder, str(os.getppid())],
                os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | SINGLE_THREADED,
                file_actions=[(os.POSIX_SPAWN_DUP2, listener.fileno(), LISTENER)],
                setsigdef=[signal.SIGCHLD],
            )

    def _forked_from_importer(self, listener: socket.socket) -> bool:
        """It may still import; should it end instead, the listener is closed with it and the worker asks again."""
        asked = {"temp": self.temp, "folder": self.folder, "java": str(os.getppid()), "environment": dict(os.environ)}
        content = json.dumps(asked).encode()
        if len(content) > REQUEST_BYTES:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as importer:
                importer.connect(importer_address(self.temp))
                socket.send_fds(importer, [content], [listener.fileno(), 1, 2])
        except OSError:
            return False
        return True
