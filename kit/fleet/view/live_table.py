"""The live table: a bar for each box, those at work first, then what failed; as many as the screen has room for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kit import console
from kit.fleet.host.result import HostResult, Job, Kind
from kit.fleet.rollout.wave_engine import Wave
from kit.fleet.view.report import duration
from kit.fleet.view.screen import ENDING, Lines, Screen, state

# The steps of a deployment in their order: how far along the bar each one is. A hot swap gates before it switches.
STEPS = (
    *("reach", "program", "lock", "provision", "look", "compare", "send", "receive"),
    *("activate", "verify", "space", "switch", "start", "gate", "confirm"),
)
GOOD = (Kind.CHANGED, Kind.UNCHANGED)
BAD = (Kind.FAILED, Kind.REFUSED)
# Above and below the rows: the title, the line of those that have no room, the shell's prompt.
MARGIN = 5


@dataclass
class Row:
    """`kind` is None while the box waits or is at work (`busy`)."""

    box: str
    wave: str
    step: str = ""
    share: float = 0.0
    done: float = 0.0
    busy: bool = False
    kind: Kind | None = None
    words: str = ""

    @property
    def rank(self) -> int:
        """Those that a person wants to see come first."""
        return 0 if self.busy else 1 if self.kind in BAD else 3 if self.kind is None else 2

    @property
    def style(self) -> str:
        if self.busy:
            return "cyan"
        return "green" if self.kind in GOOD else "red" if self.kind in BAD else "yellow" if self.kind else "dim"


class LiveTable:
    """A Screen of rich's; `table` is what it shows now."""

    def __init__(self, waves: Sequence[Wave], height: int) -> None:
        self._rows = {box: Row(box, wave.name) for wave in waves for box in wave.boxes}
        self._shown = max(3, height - MARGIN)
        self._title = "reaching every box and taking its lock"
        self._note = ""
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def step(self, box: str, step: str, share: float) -> None:
        with self._lock:
            row = self._rows[box]
            row.busy, row.step, row.share = True, step, share
            if step in STEPS:
                row.done = max(row.done, (STEPS.index(step) + share) / len(STEPS))

    def told(self, host_result: HostResult, job: Job) -> None:
        with self._lock:
            row = self._rows[host_result.box]
            row.busy, row.step = False, ""
            row.kind = None if host_result.kind is Kind.READY else host_result.kind
            row.words = state(host_result)
            row.done = 1.0 if host_result.kind in GOOD else row.done if row.kind else 0.0

    def wave(self, wave: Wave) -> None:
        self._title, self._note = wave.name, ""

    def waiting(self, what: str, seconds: float) -> None:
        self._note = f"{what}, {duration(seconds)} left" if seconds else ""

    def soaked(self, words: str) -> None:
        self._note = words

    def stopping(self) -> None:
        self._note = ENDING

    def table(self) -> RenderableType:
        with self._lock:
            rows = sorted(self._rows.values(), key=lambda row: row.rank)
            shown = console.table("box", "", "step", "")
            for row in rows[: self._shown]:
                shown.add_row(*self._cells(row))
            return Group(self._headline(rows), shown, *self._rest(rows[self._shown :]))

    def _headline(self, rows: Sequence[Row]) -> Text:
        done = sum(row.kind in GOOD for row in rows)
        bad = sum(row.kind in BAD for row in rows)
        counts = f"{done} of {len(rows)} done" + (f", {bad} failed" if bad else "")
        words = [self._title, counts, duration(time.monotonic() - self._began), self._note]
        return Text(" · ".join(word for word in words if word), style="bold")

    @staticmethod
    def _cells(row: Row) -> tuple[RenderableType, ...]:
        bar = ProgressBar(1.0, row.done, width=24, complete_style=row.style, finished_style=row.style)
        step = row.step or (row.kind.value if row.kind else row.wave)
        step += f" {row.share:.0%}" if row.step == "send" else ""
        words = "" if row.busy or row.kind in GOOD else row.words
        return Text(row.box), bar, Text(step, style=row.style), Text(words, overflow="ellipsis", no_wrap=True)

    @staticmethod
    def _rest(rows: Sequence[Row]) -> Iterator[Table | Text]:
        if rows:
            waiting = sum(row.kind is None for row in rows)
            yield Text(f"… and {len(rows)} more: {waiting} waiting, {len(rows) - waiting} done", style="dim")


@contextmanager
def screen(waves: Sequence[Wave], shown_on: Console = console.err) -> Iterator[Screen]:
    """The one that fits where stderr goes."""
    if not shown_on.is_terminal:
        yield Lines()
        return
    made = LiveTable(waves, shown_on.size.height)
    # soft_wrap is right for the kit's lines and not for a table that must keep to the screen's width.
    fitted = Console(stderr=True, highlight=False) if shown_on is console.err else shown_on
    with Live(get_renderable=made.table, console=fitted, refresh_per_second=4):
        yield made
