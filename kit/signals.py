"""Signals that ask a run to end. Who handles one chooses how: raise where it came in, note it, or take it as Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked the run to end. Not an Exception, so nobody takes it for a failure of its own."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Interrupts:
    """Raises Stopped where the signal comes in, or at the end of a `deferred` block."""

    def __init__(self) -> None:
        self._deferring = False
        self.pending = 0

    def receive(self, number: int, frame: FrameType | None = None) -> None:
        if not self._deferring:
            raise Stopped(number)
        self.pending = number

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Receive the process's signals while the block runs. Main thread only."""
        with handled_by(self.receive):
            yield

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """A request whose answer must be known: cut short, the server would still carry it out, later."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self.pending:
            raise Stopped(self.pending)


@contextmanager
def noted(came: threading.Event, then: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Set `came`, for whoever waits to look at. An exception out of a signal's handler could strike between two steps,
    and leave a server running."""

    def note(number: int, frame: FrameType | None) -> None:
        came.set()
        then()

    with handled_by(note):
        yield


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """KeyboardInterrupt for each of them."""
    with handled_by(signal.default_int_handler):
        yield


@contextmanager
def handled_by(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in ENDING}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
