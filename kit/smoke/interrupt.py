"""Signals that end a run, without leaving a change to the server half made."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked the run to end. Not an Exception, so no check takes it for a failure of its own."""

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
        before = {number: signal.signal(number, self.receive) for number in ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

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
