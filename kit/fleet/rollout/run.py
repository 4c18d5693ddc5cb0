"""One run over a fleet, from taking the desk to the history's last line."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from kit.fleet.host.jobs import Visit
from kit.fleet.host.remote import ignore
from kit.fleet.host.session import Watch
from kit.fleet.rollout import history, waves
from kit.fleet.rollout.journal import Journal, Record
from kit.fleet.rollout.lock_renewal import locks_kept
from kit.fleet.rollout.runner import Rollout
from kit.fleet.rollout.task import Task
from kit.fleet.rollout.wave_engine import Engine
from kit.fleet.rollout.workspace import Desk
from kit.fleet.view.report import Report
from kit.fleet.view.screen import Screen
from kit.fleet.view.survey import Answer, survey

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def plan(desk: Desk, task: Task) -> list[Answer]:
    """What each box would do; nothing is changed."""
    unwatched = Watch(ignore, ignore)
    visits = {box.name: task.visit(box, desk.remote(box), unwatched, desk.stopping) for box in desk.fleet.boxes}
    return survey(list(visits), lambda box: visits[box].plan(), desk.fleet.parallel)


def carry_out(desk: Desk, task: Task, screen: Screen, resumed: Record | None) -> Report:
    """Run it over the whole fleet, under the desk's own lock (`desk.alone`)."""
    began = time.time()
    begun = {
        "id": f"{time.strftime('%Y%m%d-%H%M%S')}-{desk.owner.rpartition(':')[2]}",
        "at": now(),
        "owner": desk.owner,
        "what": task.what,
        "fleet": desk.fleet.source,
        "releases": list(task.releases),
        "bundles": list(task.bundles),
    }
    history.append(desk.folder, "begun", **begun)
    if resumed is None:
        desk.rollout.unlink(missing_ok=True)
    engine = Engine(waves.cut(desk.fleet), desk.fleet.parallel, task.careful)
    journal = Journal(desk.rollout)
    with on_signals(desk.stopping, screen):
        journal.write("start" if resumed is None else "resume", **begun)
        visits = visits_of(desk, task, screen, journal, resumed)
        with locks_kept(visits.values()):
            Rollout(engine, visits, journal, desk.stopping, screen).run(desk.fleet.parallel)
        report = Report.of(
            engine, task, desk.fleet.name, [visit.account for visit in visits.values()], time.time() - began
        )
        journal.write("end", verdict=report.verdict.value)
    boxes = {account.box: account.document() for account in report.accounts}
    history.append(desk.folder, "ended", id=begun["id"], at=now(), result=report.in_a_line, boxes=boxes)
    return report


def visits_of(desk: Desk, task: Task, screen: Screen, journal: Journal, resumed: Record | None) -> dict[str, Visit]:
    """A visit for each box; one that the resumed roll-out switched knows what to go back to."""
    watch = Watch(screen.step, lambda box, release: journal.write("before", box=box, release=release))
    visits = {box.name: task.visit(box, desk.remote(box), watch, desk.stopping) for box in desk.fleet.boxes}
    for box, before in resumed.before.items() if resumed else ():
        if box in visits:
            visits[box].account.before, visits[box].account.touched = before, True
    return visits


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


@contextmanager
def on_signals(stopping: threading.Event, screen: Screen) -> Iterator[None]:
    """Ctrl-C, TERM or a closed terminal ends the run in order; more of them change nothing: a box on trial has to be
    brought back first, and `kill -9` is safe too (it goes back by itself then)."""

    def receive(number: int, frame: FrameType | None) -> None:
        stopping.set()
        screen.stopping()

    before = {number: signal.signal(number, receive) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
