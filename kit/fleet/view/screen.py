"""How a run looks while it goes on: a live table on a terminal (see live_table.py), plain lines elsewhere. On
stderr."""

from __future__ import annotations

from typing import Protocol

from kit.console import step as say
from kit.fleet.host.result import HostResult, Job, Kind
from kit.fleet.rollout.wave_engine import Wave

PAUSE, SOAK = "a pause", "a soak"
ENDING = "stopping: no more boxes are changed, and those on trial revert first"


class Screen(Protocol):
    """Who shows a run while it goes on. `step` is called from any thread, the others from the main one."""

    def step(self, box: str, step: str, share: float) -> None: ...

    def told(self, host_result: HostResult, job: Job) -> None: ...

    def wave(self, wave: Wave) -> None: ...

    def waiting(self, what: str, seconds: float) -> None: ...

    def soaked(self, words: str) -> None: ...

    def stopping(self) -> None: ...


class Lines:
    """A line for each wave, and for each box that is done."""

    def __init__(self) -> None:
        self._waiting = False

    def step(self, box: str, step: str, share: float) -> None:
        """Too much for lines."""

    def told(self, host_result: HostResult, job: Job) -> None:
        if words := ended(host_result, job):
            say(f"{host_result.box}: {words}")

    def wave(self, wave: Wave) -> None:
        say(f"{wave.name}: {', '.join(wave.boxes)}")

    def waiting(self, what: str, seconds: float) -> None:
        if seconds and not self._waiting:
            say(f"{what} of {seconds:.0f} s")
        self._waiting = seconds > 0

    def soaked(self, words: str) -> None:
        say(f"after the soak: {words}")

    def stopping(self) -> None:
        say(ENDING)


def ended(host_result: HostResult, job: Job) -> str:
    """What came of a job, in a few words; "" for what goes without saying."""
    if job is Job.RELEASE or host_result.kind in (None, Kind.READY):
        return ""
    return ", ".join(word for word in (host_result.kind.value, state(host_result)) if word)


def state(host_result: HostResult) -> str:
    """Why, and what the box runs, as far as there is something to say."""
    runs = (
        f"does not answer: {host_result.silent}"
        if host_result.silent
        else f"runs {host_result.running}"
        if host_result.running
        else ""
    )
    return "; ".join(word for word in (host_result.error, runs) if word)
