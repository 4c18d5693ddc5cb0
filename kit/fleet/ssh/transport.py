"""Run one ssh or rsync process: feed it, listen to it, end it when the operator stops the run or time is up."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# How often a waiting process looks whether the run was stopped.
GLANCE = 0.2
GRACE = 5.0
MOST_STDERR = 64 << 10


class OperatorStopped(Exception):
    """The operator ended the run while the process was at work; it has been ended."""


@dataclass(frozen=True)
class Finished:
    """`status` is the exit status (255 from ssh: no link); `sent` and `received` are bytes of stdin and stdout."""

    status: int
    stderr: str
    sent: int
    received: int
    timed_out: bool = False


def run(
    arguments: Sequence[str],
    stdin: bytes,
    heard: Callable[[str], None],
    timeout: float,
    stopping: threading.Event | None = None,
) -> Finished:
    """Run it to its end; `heard` gets each line of stdout as it comes (rsync's \\r ends one too).

    `stopping` None: it cannot be interrupted. Raises Stopped; OSError when the program is not installed.
    """
    with subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A group of its own: Ctrl-C on the terminal is for the workstation, which ends each process when its box is
        # safe.
        start_new_session=True,
    ) as process:
        try:
            return Pump(process, stdin, heard, time.monotonic() + timeout, stopping).run()
        finally:
            if process.poll() is None:
                end(process)


class Pump:
    """Moves bytes between the workstation and one process."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        stdin: bytes,
        heard: Callable[[str], None],
        deadline: float,
        stopping: threading.Event | None,
    ) -> None:
        self._process, self._heard, self._deadline, self._stopping = process, heard, deadline, stopping
        self._left = memoryview(stdin)
        self._sent = self._received = 0
        self._line = b""
        self._stderr = b""

    def run(self) -> Finished:
        timed_out = False
        with selectors.DefaultSelector() as selector:
            self._register(selector)
            while selector.get_map() and not timed_out:
                for key, _ in selector.select(GLANCE):
                    if not key.data():
                        selector.unregister(key.fileobj)
                if self._stopping is not None and self._stopping.is_set():
                    raise OperatorStopped
                timed_out = time.monotonic() > self._deadline
        if timed_out:
            end(self._process)
        self._hear(b"\n" if self._line else b"")
        status = self._process.wait()
        return Finished(status, self._stderr.decode(errors="replace").strip(), self._sent, self._received, timed_out)

    def _register(self, selector: selectors.BaseSelector) -> None:
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdout, selectors.EVENT_READ, self._read_stdout)
        selector.register(process.stderr, selectors.EVENT_READ, self._read_stderr)
        selector.register(process.stdin, selectors.EVENT_WRITE, self._write)

    def _write(self) -> bool:
        assert self._process.stdin
        try:
            written = os.write(self._process.stdin.fileno(), self._left[: 64 << 10]) if self._left else 0
        except BrokenPipeError:
            self._left = memoryview(b"")
            written = 0
        self._sent += written
        self._left = self._left[written:]
        if not self._left:
            self._process.stdin.close()
        return bool(self._left)

    def _read_stdout(self) -> bool:
        assert self._process.stdout
        read = os.read(self._process.stdout.fileno(), 64 << 10)
        self._received += len(read)
        self._hear(read)
        return bool(read)

    def _read_stderr(self) -> bool:
        assert self._process.stderr
        read = os.read(self._process.stderr.fileno(), 64 << 10)
        self._stderr = (self._stderr + read)[-MOST_STDERR:]
        return bool(read)

    def _hear(self, read: bytes) -> None:
        *lines, self._line = (self._line + read).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if line.strip():
                self._heard(line.decode(errors="replace"))


def end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started (a jump host's ssh), kindly first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
        return
