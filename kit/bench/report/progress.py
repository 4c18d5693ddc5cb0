"""How far a run is: a bar with the time left on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from kit import console


@dataclass
class Steps:
    """Told before each step what comes and how many seconds it will take."""

    progress: Progress
    task: TaskID
    announced: float = 0.0

    def __call__(self, text: str, seconds: float) -> None:
        self.progress.update(self.task, description=text, advance=self.announced)
        self.announced = seconds
        if not console.err.is_terminal:
            console.step(text)


@contextmanager
def steps(total: float) -> Iterator[Steps]:
    """`total`: seconds of all steps together. Drawn once a second, because drawing takes processor time too."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(
        *columns,
        console=console.err,
        transient=True,
        refresh_per_second=1,
        speed_estimate_period=300,
        disable=not console.err.is_terminal,
    ) as progress:
        yield Steps(progress, progress.add_task("", total=total))
