"""What the operator asked for, made into a task for each box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import UsageError
from kit.bundle import signing
from kit.fleet.host.deploy import Deploy
from kit.fleet.host.rollback import Rollback
from kit.fleet.host.session import DeployOptions
from kit.fleet.rollout import journal, staging
from kit.fleet.rollout.journal import Record
from kit.fleet.rollout.task import Task
from kit.fleet.rollout.wave_engine import Verdict
from kit.fleet.rollout.workspace import Workspace


@dataclass(frozen=True)
class DeployRequest:
    """What goes out. `named` are bundle files, [] for the newest in `folder`; `signers` a file, None for none named."""

    named: Sequence[Path]
    folder: Path
    signers: Path | None
    break_lock: bool
    resumed: Record | None


def deploy_task(workspace: Workspace, request: DeployRequest) -> Task:
    """Raises KitError for a bundle that does not exist or is not to be trusted, UsageError for one that is not the
    resumed roll-out's."""
    signers = signing.read_signers(request.signers)
    named = request.named or [Path(name) for name in (request.resumed.bundles if request.resumed else ())]
    staged_releases = [
        staging.lay_out(path, workspace.stagings, request.signers) for path in staging.choose(named, request.folder)
    ]
    releases = [staged.release for staged in staged_releases]
    if request.resumed and sorted(request.resumed.releases) != sorted(releases):
        begun = ", ".join(request.resumed.releases)
        raise UsageError(
            f"the unfinished roll-out is of {begun}, these bundles are {', '.join(releases)}",
            "omit BUNDLE to go on with it, or RESUME to begin again",
        )
    options = options_of(workspace, request.break_lock, signers)
    bundles = [str(staged.bundle.resolve()) for staged in staged_releases]
    return Task("deploy", releases, bundles, options, lambda box, session: Deploy(session, box, staged_releases))


def rollback_task(workspace: Workspace, break_lock: bool) -> Task:
    """Every box back to the release it had confirmed before."""
    options = options_of(workspace, break_lock, "")
    return Task("rollback", (), (), options, lambda _, session: Rollback(session), careful=False)


def unfinished(workspace: Workspace) -> Record:
    """The roll-out to go on with. Raises UsageError when there is none."""
    record = journal.read(workspace.rollout)
    if record.start.get("what") != "deploy":
        raise UsageError(f"fleet {workspace.fleet.name} has no roll-out to resume", "omit RESUME")
    if record.start.get("fleet") != workspace.fleet.source:
        raise UsageError(f"the unfinished roll-out was for {record.start.get('fleet')}", "omit RESUME")
    if record.verdict == Verdict.TAKEN_BACK.value:
        raise UsageError(
            f"the last roll-out of {', '.join(record.releases)} was stopped and taken back",
            "see why with make history; omit RESUME to try the release again",
        )
    return record


def options_of(workspace: Workspace, break_lock: bool, signers: str) -> DeployOptions:
    return DeployOptions(
        owner=workspace.owner,
        confirm_seconds=workspace.fleet.confirm_seconds,
        signers=signers,
        notify=workspace.fleet.notify,
        break_lock=break_lock,
        own_locks=workspace.dead_owners(),
    )
