"""Ship a release to a fleet of boxes, and look after it.

make deploy FLEET=fleet.yaml               canary first, then in waves; taken back everywhere when too many fail
make deploy HOSTS=pi@shelf-01              one box, with no file
make deploy FLEET=fleet.yaml DRY_RUN=1     what each box would do
make deploy FLEET=fleet.yaml RESUME=1      go on: boxes that were out of reach, or after the workstation was killed
make rollback FLEET=fleet.yaml             every box back to its previous release
make status | doctor | logs | history FLEET=fleet.yaml

The exit status is 1 when anything failed or was rolled back, 2 when what was asked for cannot be.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from kit import console, machine
from kit.fleet.host import survey
from kit.fleet.rollout import history, requests, run, waves
from kit.fleet.rollout.journal import Record
from kit.fleet.rollout.task import Task
from kit.fleet.rollout.workspace import Workspace, find
from kit.fleet.view import checks, tables
from kit.fleet.view.live_table import screen
from kit.profiles import choose as choose_profile
from scripts.options import FleetFile, Hosts

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", envvar="JSON", help="One JSON document on stdout.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", envvar="DRY_RUN", help="Show what each box would do; change nothing.")
]
BreakLock = Annotated[
    bool, typer.Option("--break-lock", envvar="BREAK_LOCK", help="Take the lock of a deployer that has ended.")
]
Signers = Annotated[
    str, typer.Option(envvar="SIGNERS", help="The allowed-signers file that boxes are to trust; default: the fleet's.")
]
Bundle = Annotated[
    str, typer.Option(envvar="BUNDLE", help="Bundle files, spaces between; default: the profile's newest.")
]
Lines = Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the latest to show.")]


@app.command()
def deploy(
    fleet: FleetFile = "",
    hosts: Hosts = "",
    bundle: Bundle = "",
    profile: Annotated[str, typer.Option(envvar="PROFILE", help="The profile whose bundles go out.")] = "edge",
    signers: Signers = "",
    resume: Annotated[
        bool, typer.Option("--resume", envvar="RESUME", help="Go on with the roll-out that was not finished.")
    ] = False,
    break_lock: BreakLock = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Bring a release to every box, in waves."""
    send(find(fleet, hosts), bundle, profile, signers, break_lock, dry_run, as_json, resume)


@app.command()
def rollback(
    fleet: FleetFile = "",
    hosts: Hosts = "",
    break_lock: BreakLock = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take every box back to the release it had before, in the same waves."""
    workspace = find(fleet, hosts)
    with workspace.alone():
        perform(workspace, requests.rollback_task(workspace, break_lock), dry_run, as_json, None)


@app.command()
def status(fleet: FleetFile = "", hosts: Hosts = "", as_json: AsJson = False) -> None:
    """What each box runs, and whether it answers; 1 when one does not."""
    answers = ask_all(find(fleet, hosts), "status")
    well = all(answer.well for answer in answers)
    if as_json:
        console.print_json({"ok": well, "boxes": [answer.document() for answer in answers]})
    else:
        console.out.print(tables.status(answers))
    sys.exit(0 if well else 1)


@app.command()
def logs(fleet: FleetFile = "", hosts: Hosts = "", lines: Lines = 20, as_json: AsJson = False) -> None:
    """The last lines of each box's log."""
    answers = ask_all(find(fleet, hosts), "logs", "-n", str(lines))
    if as_json:
        console.print_json({"boxes": [answer.document() for answer in answers]})
    else:
        tables.show_logs(answers)
    sys.exit(1 if any(answer.error for answer in answers) else 0)


@app.command("history")
def show_history(fleet: FleetFile = "", hosts: Hosts = "", lines: Lines = 20, as_json: AsJson = False) -> None:
    """Who deployed what, when, and what came of it."""
    entries = history.runs(find(fleet, hosts).folder)[-lines:]
    if as_json:
        console.print_json({"runs": [vars(entry) for entry in entries]})
    else:
        console.out.print(tables.history(entries))


@app.command()
def doctor(fleet: FleetFile = "", hosts: Hosts = "", signers: Signers = "", as_json: AsJson = False) -> None:
    """What is in the way, on the workstation and on each box; 1 when something is."""
    workspace = find(fleet, hosts)
    found = list(checks.workstation(os.environ, workspace.ssh_config, signers or workspace.fleet.signers))
    found += checks.boxes(ask_all(workspace, "doctor"))
    well = all(finding.severity != "error" for finding in found)
    if as_json:
        console.print_json({"ok": well, "findings": [vars(finding) for finding in found]})
    else:
        tables.show_findings(found)
    sys.exit(0 if well else 1)


def ask_all(workspace: Workspace, verb: str, *arguments: str) -> list[survey.Answer]:
    remotes = workspace.links()
    return survey.survey(
        list(remotes), lambda box: survey.call(remotes[box], verb, *arguments), workspace.fleet.parallel
    )


def send(
    workspace: Workspace,
    bundle: str,
    profile: str,
    signers: str,
    break_lock: bool,
    dry_run: bool,
    as_json: bool,
    resume: bool = False,
) -> None:
    """A deployment; ends the process."""
    trusted = signers or workspace.fleet.signers
    with workspace.alone():
        request = requests.DeployRequest(
            named=[Path(name) for name in bundle.split()],
            folder=choose_profile(profile, machine.detect()).build.bundles,
            signers=Path(trusted) if trusted else None,
            break_lock=break_lock,
            resumed=requests.unfinished(workspace) if resume else None,
        )
        perform(workspace, requests.deploy_task(workspace, request), dry_run, as_json, request.resumed)


def perform(workspace: Workspace, task: Task, dry_run: bool, as_json: bool, resumed: Record | None) -> None:
    """Carry it out, or say what it would do; ends the process."""
    if dry_run:
        plans = run.plan(workspace, task)
        well = not any(plan.error for plan in plans)
        if as_json:
            console.print_json({"ok": well, "boxes": [plan.document() for plan in plans]})
        else:
            console.out.print(tables.plan(waves.cut(workspace.fleet), plans))
        sys.exit(0 if well else 1)
    with screen(waves.cut(workspace.fleet)) as shown:
        report = run.carry_out(workspace, task, shown, resumed)
    if as_json:
        console.print_json(report.document())
    else:
        sys.stdout.write(report.text() + "\n")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    console.command(app)
