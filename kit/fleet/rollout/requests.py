"""What the operator asked for, made into a task for each box."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import UsageError
from kit.fleet.host.deploy import Delivery
from kit.fleet.host.jobs import Visit
from kit.fleet.host.remote import Remote
from kit.fleet.host.rollback import Reversal
from kit.fleet.host.session import Orders, Watch
from kit.fleet.inventory.fleet import Box
from kit.fleet.rollout import journal, staging
from kit.fleet.rollout.journal import Record
from kit.fleet.rollout.task import Task
from kit.fleet.rollout.wave_engine import Verdict
from kit.fleet.rollout.workspace import Desk


@dataclass(frozen=True)
class Wish:
    """What goes out. `named` are bundle files, [] for the newest in `folder`; `signers` a file, None for none named."""

    named: Sequence[Path]
    folder: Path
    signers: Path | None
    break_lock: bool
    resumed: Record | None


def deploying(desk: Desk, wish: Wish) -> Task:
    """Raises KitError for a bundle that is not there or not to be trusted, UsageError for one that is not the resumed
    roll-out's."""
    signers = read_signers(wish.signers)
    named = wish.named or [Path(name) for name in (wish.resumed.bundles if wish.resumed else ())]
    parcels = [staging.lay_out(path, desk.stagings, wish.signers) for path in staging.choose(named, wish.folder)]
    releases = [parcel.release for parcel in parcels]
    if wish.resumed and sorted(wish.resumed.releases) != sorted(releases):
        begun = ", ".join(wish.resumed.releases)
        raise UsageError(
            f"the unfinished roll-out is of {begun}, these bundles are {', '.join(releases)}",
            "leave BUNDLE away to go on with it, or RESUME to begin anew",
        )
    orders = orders_of(desk, wish.break_lock, signers)

    def visit(box: Box, remote: Remote, watch: Watch, stopping: threading.Event) -> Visit:
        return Delivery(box, parcels, remote, orders, watch, stopping)

    return Task("deploy", releases, [str(parcel.bundle.resolve()) for parcel in parcels], visit)


def reversing(desk: Desk, break_lock: bool) -> Task:
    """Every box back to the release it had confirmed before."""
    orders = orders_of(desk, break_lock, "")

    def visit(box: Box, remote: Remote, watch: Watch, stopping: threading.Event) -> Visit:
        return Reversal(box, remote, orders, watch, stopping)

    return Task("rollback", (), (), visit, careful=False)


def unfinished(desk: Desk) -> Record:
    """The roll-out to go on with. Raises UsageError when there is none."""
    record = journal.read(desk.rollout)
    if record.start.get("what") != "deploy":
        raise UsageError(f"fleet {desk.fleet.name} has no roll-out to resume", "leave RESUME away")
    if record.start.get("fleet") != desk.fleet.source:
        raise UsageError(f"the unfinished roll-out was for {record.start.get('fleet')}", "leave RESUME away")
    if record.verdict == Verdict.TAKEN_BACK.value:
        raise UsageError(
            f"the last roll-out of {', '.join(record.releases)} was stopped and taken back",
            "see why with make history; leave RESUME away to try the release again",
        )
    return record


def orders_of(desk: Desk, break_lock: bool, signers: str) -> Orders:
    return Orders(
        owner=desk.owner,
        confirm_seconds=desk.fleet.confirm_seconds,
        signers=signers,
        break_lock=break_lock,
        own_locks=desk.dead_owners(),
    )


def read_signers(file: Path | None) -> str:
    try:
        return file.read_text(encoding="utf-8") if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the allowed-signers file cannot be read: {error}", "SIGNERS=file") from None
