"""One run over a fleet, from its lock to the history's last line."""

from __future__ import annotations

import time
from collections.abc import Sequence

from kit.fleet.host.jobs import HostJobs
from kit.fleet.host.result import HostResult
from kit.fleet.host.session import HostSession, StepListener
from kit.fleet.host.survey import Answer, survey
from kit.fleet.inventory.fleet import Box
from kit.fleet.rollout import history, waves
from kit.fleet.rollout.journal import Journal, Record
from kit.fleet.rollout.lock_renewal import locks_renewed
from kit.fleet.rollout.runner import Judge, Rollout
from kit.fleet.rollout.task import Task
from kit.fleet.rollout.wave_engine import Engine
from kit.fleet.rollout.workspace import Workspace
from kit.fleet.soak import watching
from kit.fleet.soak.comparison import Comparison
from kit.fleet.ssh.remote import ignore
from kit.fleet.view.report import Report
from kit.fleet.view.screen import Screen
from kit.signals import noted


def plan(workspace: Workspace, task: Task) -> list[Answer]:
    """What each box would do; nothing is changed."""
    unwatched = StepListener(ignore, ignore)
    hosts = {box.name: jobs_of(box, workspace, task, unwatched) for box in workspace.fleet.boxes}
    return survey(list(hosts), lambda box: hosts[box].plan(), workspace.fleet.parallel)


def carry_out(workspace: Workspace, task: Task, screen: Screen, resumed: Record | None) -> Report:
    """Run it over the whole fleet, under the workstation's own lock (`workspace.alone`)."""
    began = time.time()
    begun = {
        "id": f"{time.strftime('%Y%m%d-%H%M%S')}-{workspace.owner.rpartition(':')[2]}",
        "at": now(),
        "owner": workspace.owner,
        "what": task.what,
        "fleet": workspace.fleet.source,
        "releases": list(task.releases),
        "bundles": list(task.bundles),
    }
    history.append(workspace.folder, "begun", **begun)
    if resumed is None:
        workspace.rollout.unlink(missing_ok=True)
    engine = Engine(waves.cut(workspace.fleet), workspace.fleet.parallel, task.careful)
    journal = Journal(workspace.rollout)
    # Ctrl-C, TERM or a closed terminal ends the run in order; more of them change nothing: a box on trial has to be
    # brought back first, and `kill -9` is safe too (it reverts automatically then).
    with noted(workspace.stopping, screen.stopping):
        journal.write("start" if resumed is None else "resume", **begun)
        hosts = hosts_of(workspace, task, screen, journal, resumed)
        with locks_renewed(hosts.values()):
            changed = resumed.began if resumed else 0.0
            rollout = Rollout(engine, hosts, journal, workspace.stopping, screen, judge_of(workspace), changed)
            rollout.run(workspace.fleet.parallel)
        report = Report.of(
            engine, task, workspace.fleet.name, [host.result for host in hosts.values()], time.time() - began
        )
        journal.write("end", verdict=report.verdict.value)
    boxes = {host_result.box: host_result.document() for host_result in report.results}
    history.append(workspace.folder, "ended", id=begun["id"], at=now(), result=report.in_a_line, boxes=boxes)
    return report


def hosts_of(
    workspace: Workspace, task: Task, screen: Screen, journal: Journal, resumed: Record | None
) -> dict[str, HostJobs]:
    """The jobs of each box; one that the resumed roll-out switched knows what to go back to."""
    listener = StepListener(screen.step, lambda box, release: journal.write("before", box=box, release=release))
    hosts = {box.name: jobs_of(box, workspace, task, listener) for box in workspace.fleet.boxes}
    for box, before in resumed.before.items() if resumed else ():
        if box in hosts:
            hosts[box].result.before, hosts[box].result.touched = before, True
    return hosts


def judge_of(workspace: Workspace) -> Judge:
    def judge(new: Sequence[str], old: Sequence[str], changed: float, since: float) -> Comparison:
        links, fleet = workspace.links(), workspace.fleet
        return watching.judge(links, workspace.records, fleet.parallel, new, old, changed, since)

    return judge


def jobs_of(box: Box, workspace: Workspace, task: Task, listener: StepListener) -> HostJobs:
    remote = workspace.remote(box)
    return task.jobs(box, HostSession(HostResult(box.name), remote, task.options, listener, workspace.stopping))


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
