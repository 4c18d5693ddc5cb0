"""The wave engine: told what came of each box, it says what to do next. Pure: no I/O, no threads, no clock.

    prepare every box ──▶ wave 1 ──▶ soak ──▶ pause ──▶ wave 2 … ──▶ release every lock
         │ refused             │ too many failures, nothing proven, or boxes that differ after the soak
         │                     ▼
         │              take back what changed
         └────────────────────┴──────▶ release every lock

`next()` gives the boxes to start on now; `tell()` takes what came of one; `pause` asks for a wait before `resume()`,
and `soak` for one before the boxes that `compared()` names are compared, and `soaked()` told what came of that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from common.words import count
from kit.fleet.host.result import Job, Kind

NO_BOX = "no box could be reached"


class Verdict(str, Enum):
    DONE = "done"
    REFUSED = "refused"
    TAKEN_BACK = "taken back"
    UNPROVEN = "unproven"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Wave:
    """`allowed_failures` boxes may fail before the roll-out stops. Seconds after the wave: `soak` until its boxes are
    compared with those that no wave has taken yet, 0 for not at all; then `pause`, a wait."""

    name: str
    boxes: tuple[str, ...]
    allowed_failures: int = 0
    pause: float = 0.0
    soak: float = 0.0


@dataclass(frozen=True)
class Start:
    box: str
    job: Job


class Engine:
    """One roll-out. `parallel` is how many boxes are worked on at once. Not `careful`, it goes on whatever fails, and
    takes nothing back: a rollback, where each box that gets away from a bad release is a gain."""

    def __init__(self, waves: Sequence[Wave], parallel: int, careful: bool = True) -> None:
        self.waves = tuple(waves)
        self.verdict: Verdict | None = None
        self.reason = ""
        self.pause = self.soak = 0.0
        self.wave = -1
        self.finished = False
        self._parallel, self._careful = parallel, careful
        self._job = Job.PREPARE
        self._queue = deque(box for wave in self.waves for box in wave.boxes)
        self._running: set[str] = set()
        self._ready: dict[str, None] = {}
        self._touched: dict[str, None] = {}
        self._refused: list[str] = []
        self._unready: set[str] = set()
        self._failures = 0
        self._news = 0
        self._runs: dict[str, None] = {}
        self._soaked = -1

    def next(self) -> list[Start]:
        """The boxes to start on now; [] while others have to end first, in a soak or a pause, and when finished."""
        while not (self._queue or self._running or self.pause or self.soak or self.finished):
            self._advance()
        started = []
        while self._queue and len(self._running) < self._parallel and not self.pause:
            box = self._queue.popleft()
            self._running.add(box)
            started.append(Start(box, self._job))
        return started

    def tell(self, box: str, kind: Kind, touched: bool = False) -> None:
        """`touched`: the box runs the new release, or may, and had another when this roll-out, or the one that it
        resumes, began: it belongs to what is taken back."""
        self._running.remove(box)
        if self._job is Job.PREPARE:
            if kind is Kind.READY:
                self._ready[box] = None
            elif kind is Kind.REFUSED:
                self._refused.append(box)
            elif kind is Kind.FAILED:
                self._unready.add(box)
        elif self._job is Job.CHANGE:
            self._told_of_change(box, kind, touched)

    def _told_of_change(self, box: str, kind: Kind, touched: bool) -> None:
        if touched or kind is Kind.CHANGED:
            self._touched[box] = None
        if kind in (Kind.CHANGED, Kind.UNCHANGED):
            self._runs[box] = None
            self._news += kind is Kind.CHANGED or touched
        self._failures += kind is Kind.FAILED
        if self._careful and self._failures > self.waves[self.wave].allowed_failures:
            self._queue.clear()

    def resume(self) -> None:
        """The pause is over."""
        self.pause = 0.0

    def compared(self) -> tuple[list[str], list[str]]:
        """The boxes that run the new release, and those that still have the old one."""
        waiting = [box for wave in self.waves[self.wave + 1 :] for box in wave.boxes if box in self._ready]
        return list(self._runs), waiting

    def soaked(self, differences: Sequence[str], unproven: str) -> None:
        """The soak is over: how the new boxes differ, or why nobody can tell. Then what runs the release keeps it, and
        a roll-out that is resumed soaks again."""
        self.soak, self._soaked = 0.0, self.wave
        name = self.waves[self.wave].name
        if differences:
            self._end(Verdict.TAKEN_BACK, f"{name}, soak: {'; '.join(differences)}")
        elif unproven:
            self._end(Verdict.UNPROVEN, f"{name}, soak: {unproven}", take_back=False)

    def stop(self) -> None:
        """The operator wants to end: nothing new is changed; a take-back under way goes on to its end."""
        if self._job in (Job.PREPARE, Job.CHANGE) and self.verdict is None:
            self._queue.clear()
            self.pause = self.soak = 0.0
            self._end(Verdict.INTERRUPTED, "the operator ended it", take_back=False)

    def _advance(self) -> None:
        if self._job is Job.RELEASE:
            self.finished = True
        elif self._job is Job.TAKE_BACK or self.verdict is not None:
            self._begin(Job.RELEASE, self._ready)
        elif self._job is Job.PREPARE and self._refused:
            self._end(Verdict.REFUSED, f"{count(len(self._refused), 'box')} cannot take part: nothing was changed")
        elif self._job is Job.PREPARE and self._careful and (wave := self._lost_wave()):
            failed, allowed = count(self._failed_before(wave), "box"), wave.allowed_failures
            self._end(Verdict.REFUSED, f"{wave.name}: {failed} failed before anything was changed, {allowed} allowed")
        elif self._job is Job.PREPARE and not self._ready:
            failed = count(len(self._unready), "box")
            self._end(Verdict.UNPROVEN, f"no box is ready, {failed} failed" if self._unready else NO_BOX)
        elif self._job is Job.CHANGE and self._careful and not self._went_well():
            return
        elif self._has_to_soak():
            self.soak = self.waves[self.wave].soak
        elif self.wave + 1 < len(self.waves):
            self._next_wave()
        else:
            self._end(Verdict.DONE, "")

    def _failed_before(self, wave: Wave) -> int:
        """How many boxes of the wave failed while they were prepared."""
        return len(self._unready.intersection(wave.boxes))

    def _lost_wave(self) -> Wave | None:
        """A wave of which more boxes have failed already than it allows: what comes before it need not begin."""
        return next((wave for wave in self.waves if self._failed_before(wave) > wave.allowed_failures), None)

    def _went_well(self) -> bool:
        """May the roll-out go on after this wave?"""
        wave = self.waves[self.wave]
        if self._failures > wave.allowed_failures:
            reason = f"{wave.name}: {count(self._failures, 'box')} failed, {wave.allowed_failures} allowed"
            self._end(Verdict.TAKEN_BACK, reason)
        elif not self._runs:
            self._end(Verdict.UNPROVEN, f"{wave.name}: no box of it runs the release, so nothing speaks for it")
        return self.verdict is None

    def _has_to_soak(self) -> bool:
        """A wave that brought something new, while there is somebody to compare it with."""
        is_due = self._careful and self._job is Job.CHANGE and self._soaked < self.wave
        return is_due and bool(self._news and self.waves[self.wave].soak and self.compared()[1])

    def _next_wave(self) -> None:
        pause = self.waves[self.wave].pause if self._news else 0.0
        self.wave += 1
        self._failures, self._news = self._failed_before(self.waves[self.wave]), 0
        boxes = [box for box in self.waves[self.wave].boxes if box in self._ready]
        self._begin(Job.CHANGE, boxes)
        self.pause = pause if boxes else 0.0

    def _end(self, verdict: Verdict, reason: str, take_back: bool = True) -> None:
        self.verdict, self.reason = verdict, reason
        if verdict is not Verdict.DONE and take_back and self._touched:
            self._begin(Job.TAKE_BACK, self._touched)
        elif not self._running:
            self._begin(Job.RELEASE, self._ready)

    def _begin(self, job: Job, boxes: Iterable[str]) -> None:
        self._job = job
        self._queue = deque(boxes)
