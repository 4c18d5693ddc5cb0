"""Find the best settings for this machine by measuring a few of the possible ones.

make tune                                        the most images a second
make tune SLO_P99_MS=100 MEMORY_LIMIT_MB=900     … with limits that have to be kept
make tune OBJECTIVE=memory SLO_P99_MS=200        the least memory that keeps one

The result is a profile: make archive PROFILE=build/tuned/…, then make serve with the same. Ctrl-C is safe: the next
run goes on where this one was. The exit status is 1 when nothing meets the limits.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from common.errors import UsageError
from common.words import count
from kit import console, machine, profiles
from kit.build import default_build_root
from kit.signals import Interrupts, Stopped
from kit.tune.report import files, table
from kit.tune.report.conclusion import Conclusion, conclude
from kit.tune.search.candidate import Candidate, Failure, Outcome
from kit.tune.search.hill_climb import Search, Trial
from kit.tune.search.objective import Goal
from kit.tune.trial import preparation
from kit.tune.trial.executor import WARM_UP_SECONDS, Executor, Load
from kit.tune.trial.exports import Exports
from kit.tune.trial.folders import Folders
from kit.tune.tuning import tune as run_search

app = typer.Typer(help=__doc__, add_completion=False)
SHOWN = 12


@app.command(help=__doc__)
def tune(
    profile: Annotated[
        str, typer.Option(envvar="PROFILE", help="The profile to start from; default: what suits the machine.")
    ] = "",
    objective: Annotated[
        str, typer.Option(envvar="OBJECTIVE", help="What to push: throughput, latency (p99) or memory.")
    ] = "throughput",
    slo_p99_ms: Annotated[float, typer.Option(envvar="SLO_P99_MS", help="The longest p99 latency allowed, ms.")] = 0,
    memory_limit_mb: Annotated[
        int, typer.Option(envvar="MEMORY_LIMIT_MB", help="The most memory (PSS of all processes) allowed, MB.")
    ] = 0,
    clients: Annotated[
        int, typer.Option(envvar="CLIENTS", min=1, help="How many clients ask at the same time, each without a pause.")
    ] = 8,
    seconds: Annotated[
        float, typer.Option("--duration", envvar="DURATION", min=0.5, help="Seconds that each measurement counts.")
    ] = 5,
    budget: Annotated[
        int,
        typer.Option(envvar="BUDGET", min=0, help="How many configurations to look at; default: a fifth, 40 at most."),
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document on stdout.")] = False,
) -> None:
    goal = Goal(objective, slo_p99_ms or None, memory_limit_mb << 20 or None)
    goal.check()
    here = machine.detect()
    base = profiles.choose(profile, here)
    if base.listed():
        raise UsageError(
            f"{base.name} serves several models, and tune measures one", "PROFILE=<a profile of that model alone>"
        )
    folders = Folders(default_build_root() / "tuned")
    if base.folder.is_relative_to(folders.root):
        raise UsageError(f"PROFILE={profile} is itself a tuned one", "tune the profile it was made from")
    console.step(f"profile {base.name}: {base.reason}")
    preparation.check_alone()
    preparation.note_load()
    interrupts = Interrupts()

    def stopped() -> bool:
        return bool(interrupts.pending)

    pictures, sent = preparation.load_pictures(os.environ.get("PICTURES", ""), folders.pictures)
    load = Load(clients, seconds, pictures)
    executor = Executor(base, here, folders, Exports(base, folders, stopped), load, stopped)
    try:
        with interrupts.installed(), interrupts.deferred(), executor.alone():
            prepared = preparation.prepare(executor, goal, budget)
            if recorded := prepared.journal.recorded:
                console.step(
                    f"{count(recorded, 'measurement')} of earlier runs at hand: {console.shown_path(folders.journal)}"
                )
            with SearchProgress(prepared.search) as watch:
                run_search(prepared.search, prepared.journal, executor.measure, watch)
            conclusion = conclude(prepared.search)
            facts = {
                "machine": preparation.described(here),
                "load": f"{count(clients, 'client')} without a pause, {sent}",
                "each measurement": f"{seconds:g} s after {WARM_UP_SECONDS:g} s of warm-up, a server of its own",
                "profile": str(base.folder),
                "finished": time.strftime("%Y-%m-%d %H:%M"),
            }
            folder = folders.result(f"{base.name}-{objective}")
            files.write(conclusion, watch.history, facts, base, folder)
    except (KeyboardInterrupt, Stopped):
        console.err.print("stopped; what was measured is kept, and the same command goes on from there")
        sys.exit(130)
    if as_json:
        console.print_json({**conclusion.document(), **facts, "folder": str(folder)})
    else:
        show(conclusion)
        console.out.print(f"\nreport   {console.shown_path(folder / files.HTML)}")
        if conclusion.feasible:
            console.out.print(f"profile  make archive PROFILE={console.shown_path(folder)}")
    sys.exit(0 if conclusion.feasible else 1)


def show(conclusion: Conclusion) -> None:
    shown = console.table(*table.COLUMNS, right=table.FIGURES)
    ranked = conclusion.ranked[:SHOWN]
    if conclusion.default not in ranked:
        ranked.append(conclusion.default)
    for result in ranked:
        shown.add_row(*table.cells(conclusion, result), style="bold" if result == conclusion.chosen else None)
    console.out.print(shown)
    if more := len(conclusion.ranked) - len(ranked):
        console.out.print(f"… and {more} more in the report")
    console.out.print(f"[dim]{table.LEGEND}[/dim]")
    chosen = conclusion.document()["chosen"]
    console.out.print()
    console.facts({f"{name}={chosen[name]}": reason for name, reason in conclusion.reasons.items() if chosen[name]})
    console.out.print(f"\n{conclusion.sentence}")


class SearchProgress:
    """A bar with the time left on a terminal, and a line for every measurement. `history` is all of them."""

    def __init__(self, search: Search) -> None:
        self._goal = search.goal
        self.history: list[tuple[Candidate, Outcome]] = []
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=console.err,
            transient=True,
        )
        self._task = self._bar.add_task("", left="")

    def __enter__(self) -> SearchProgress:
        self._bar.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._bar.stop()

    def begin(self, trial: Trial, number: int, seconds_left: float | None) -> None:
        left = f"at most {seconds_left // 60:.0f}:{seconds_left % 60:02.0f} left" if seconds_left else ""
        total = number + trial.most_left
        self._bar.update(self._task, description=trial.candidate.words, completed=number - 1, total=total, left=left)

    def done(self, trial: Trial, number: int, outcome: Outcome, recorded: bool) -> None:
        self.history.append((trial.candidate, outcome))
        if isinstance(outcome, Failure):
            said = f"failed: {outcome.reason}"
        else:
            said = f"{outcome.throughput:.1f} images/s, p99 {outcome.p99:.0f} ms, {outcome.memory >> 20} MB"
            said += f", {outcome.errors} errors" if outcome.errors else ""
        console.step(f"{number} {trial.phase}: {trial.candidate.words}: {said}" + (" (recorded)" if recorded else ""))


if __name__ == "__main__":
    console.command(app)
