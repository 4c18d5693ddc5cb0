"""How a run looks while it goes on: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from kit.console import step as say
from kit.fleet.engine import Job, Kind, Wave
from kit.fleet.inventory import Fleet
from kit.fleet.outcome import Account

STEPS = (
    *("reach", "lock", "program", "provision", "look", "compare", "send", "receive", "activate"),
    *("verify", "space", "switch", "start", "gate", "confirm"),
)
ENDS = {
    Kind.CHANGED: "green",
    Kind.UNCHANGED: "green",
    Kind.BACK: "yellow",
    Kind.KEPT: "yellow",
    Kind.UNREACHABLE: "yellow",
    Kind.FAILED: "bold red",
    Kind.REFUSED: "bold red",
}


class Screen(Protocol):
    """Who shows a run while it goes on. `step` is called from any thread, the others from the main one."""

    def step(self, box: str, step: str, share: float) -> None: ...

    def told(self, account: Account, job: Job) -> None: ...

    def wave(self, wave: Wave) -> None: ...

    def paused(self, seconds: float) -> None: ...

    def stopping(self) -> None: ...


class Lines:
    """A line for each wave and for each box that is done."""

    def __init__(self) -> None:
        self._pausing = False

    def step(self, box: str, step: str, share: float) -> None:
        """Too much for lines."""

    def told(self, account: Account, job: Job) -> None:
        if job is not Job.RELEASE and account.kind is not Kind.READY:
            say(f"{account.box}: {account.kind.value if account.kind else ''} {account.error}".rstrip())

    def wave(self, wave: Wave) -> None:
        self._pausing = False
        say(f"{wave.name}: {', '.join(wave.boxes)}")

    def paused(self, seconds: float) -> None:
        if not self._pausing:
            say(f"a pause of {seconds:.0f} s before it")
        self._pausing = True

    def stopping(self) -> None:
        say(ENDING)


ENDING = "ending: no further box is changed, those on trial go back first"


@contextmanager
def screen(fleet: Fleet) -> Iterator[Screen]:
    """The one that fits where stderr goes."""
    yield Lines()
