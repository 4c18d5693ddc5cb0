"""The parent of a model version's workers: it imports and loads once, then forks a worker for each that asks.

    python -m worker.parent TEMP FOLDER JAVA    started by the first worker, with its socket as file descriptor 3

It ends with its last worker, but not at once: TorchServe starts a worker that died again after a second or more.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import struct
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from worker import process, serving
from worker.family import FORKED, LISTENER, METRICS, Family
from worker.loading import Handler
from worker.metrics import Metrics
from worker.protocol import LoadRequest

LINGER = 15.0  # seconds without a worker; TorchServe's own pauses between restarts are 1, 1, 2, 3, 5, 8 …
LOOK = 1.0  # seconds between looks whether the version is still there, once it has no worker


@dataclass
class Child:
    """A worker: the connection of the process that TorchServe started for it, how to hear of its end, and its row of
    the metrics. `unwanted`: TorchServe has ended it."""

    pid: int
    connection: socket.socket
    ended: int
    row: int
    unwanted: bool = False


@dataclass
class Parent:
    family: Family
    java: int
    listener: socket.socket
    handler: Handler | Exception
    children: dict[int, Child] = field(default_factory=dict)
    metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = Metrics(self.handler.measures if isinstance(self.handler, Handler) else ())

    def run(self) -> None:
        """Fork a worker for each that asks, until the server has ended or wants none any more."""
        _forget_output()
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ, self.accept)
            java = os.pidfd_open(self.java)
            selector.register(java, selectors.EVENT_READ, None)
            self._selector = selector
            idle_since = time.monotonic()
            while True:
                events = selector.select(None if self.children else LOOK)
                if any(key.data is None for key, _ in events):
                    return
                for key, _ in events:
                    key.data()
                if self.children:
                    idle_since = time.monotonic()
                elif self._is_wanted_no_more(time.monotonic() - idle_since) and self._ends():
                    return

    def _is_wanted_no_more(self, idle: float) -> bool:
        """TorchServe removes the folder of a version that was unregistered. After a failure the next worker is to get a
        parent of its own, since what was wrong may have passed."""
        return idle > LINGER or isinstance(self.handler, Exception) or not Path(self.family.folder).is_dir()

    def _ends(self) -> bool:
        """With the lock held, nobody can come to a socket that is about to go."""
        with self.family.alone():
            self.listener.settimeout(0)
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                Path(self.family.address).unlink()
                return True
        self._answer(connection)
        return False

    def accept(self) -> None:
        connection, _ = self.listener.accept()
        self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        name, streams, _, _ = socket.recv_fds(connection, 4096, 2)
        if len(streams) == 2:
            self._fork(connection, name.decode(), streams)
            return
        with connection, suppress(OSError):  # it was killed before it could ask, or hear
            if name == METRICS and isinstance(self.handler, Handler):
                connection.sendall(self.metrics.document({**self.handler.about, "folder": self.family.folder}))

    def _fork(self, connection: socket.socket, name: str, streams: list[int]) -> None:
        own, row = os.getpid(), self.metrics.take_row()
        pid = os.fork()
        if pid == 0:
            self._become_worker(own, name, streams, connection, row)
        for stream in streams:
            os.close(stream)
        child = Child(pid, connection, os.pidfd_open(pid), row)
        self.children[pid] = child
        with suppress(OSError):  # TorchServe may have killed it meanwhile: its closed connection is seen next
            connection.sendall(FORKED)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._kill(child))
        self._selector.register(child.ended, selectors.EVENT_READ, lambda: self._ended(child))

    def _kill(self, child: Child) -> None:
        """TorchServe has killed who asked for it: to end the worker, or since the worker has died, which it may hear
        sooner than this process."""
        if child.pid in self.children and not process.is_ending(child.pid):
            child.unwanted = True
            os.kill(child.pid, signal.SIGKILL)

    def _ended(self, child: Child) -> None:
        _, status = os.waitpid(child.pid, 0)
        for source in (child.connection, child.ended):
            self._selector.unregister(source)
        with suppress(OSError):  # nobody is there to hear it
            child.connection.sendall(struct.pack("!i", status))
        child.connection.close()
        os.close(child.ended)
        del self.children[child.pid]
        self.metrics.give_back(child.row, died=status != 0 and not child.unwanted)

    def _become_worker(self, parent: int, name: str, streams: list[int], connection: socket.socket, row: int) -> None:
        status = 1
        try:
            process.die_with(parent)
            process.name(process.WORKER)
            for stream, target in zip(streams, (1, 2), strict=True):
                os.dup2(stream, target)
                os.close(stream)
            for child in self.children.values():
                child.connection.close()
                os.close(child.ended)
            connection.close()
            self.listener.close()
            self._selector.close()
            serving.serve(name, self.handler, self.metrics.row(row))
            status = 0
        except SystemExit as asked:
            print("Backend worker process died.", flush=True)
            status = int(asked.code or 0)
        except BaseException:
            print("Backend worker process died.", flush=True)
            traceback.print_exc(file=sys.stdout)
        finally:
            sys.stdout.flush()
            os._exit(status)


def load(folder: Path) -> Handler | Exception:
    """What all workers share. What fails here is kept for the worker, which says it to TorchServe: tried again, an
    import that failed may say something else."""
    try:
        handler = Handler(folder)
        if not (handler.serves_on_a_gpu and has_gpu()):
            handler.preload(handler.context(LoadRequest("", str(folder), 1, "", None, "", True)))
    except Exception as error:
        return error
    gc.collect()
    gc.freeze()  # what is there now is never looked at again, and so stays shared
    process.forget_read_pages()
    return handler


def has_gpu() -> bool:
    """Whether TorchServe may give a worker an NVIDIA GPU: CUDA must not be begun before a fork."""
    return Path("/dev/nvidiactl").exists() and os.environ.get("TS_NUMBER_OF_GPU") != "0"


def _forget_output() -> None:
    """The first worker's stdout and stderr came along; they are to end with that one."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def main(temp: str, folder: str, java: int, listening: int) -> None:
    """`listening`: the file descriptor of the family's socket."""
    process.name(process.PARENT)
    with socket.socket(fileno=listening) as listener:
        parent = Parent(Family(temp, folder), java, listener, load(Path(folder)))
        parent.run()
    for pid in parent.children:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), LISTENER)
