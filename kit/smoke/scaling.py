"""One worker more, and back. TorchServe ends a worker at once: a request it has in hand is lost."""

from __future__ import annotations

from common.words import count
from kit.smoke.footprint import resize
from kit.smoke.outcome import NotChecked, wait_until_right
from kit.smoke.predictions import check_still_answers
from kit.smoke.session import Session


def up(session: Session) -> str:
    management, before = session.management, session.found()
    was = before.versions[before.default]
    if not was.min_workers:
        raise NotChecked(f"version {before.default} has minWorkers 0, which scaling could not restore")
    wanted = was.workers + 1
    management.scale(session.target.model, before.default, wanted, max(wanted, was.max_workers))
    return f"{was.workers} → {_ready(session, wanted)}"


def down(session: Session) -> str:
    management, before = session.management, session.found()
    was = before.versions[before.default]
    now = len(management.describe(session.target.model, before.default)[0]["workers"])
    if now <= was.workers:
        raise NotChecked("it was not scaled up")
    resize(management, session.target.model, before.default, was)
    return f"{now} → {_ready(session, was.workers)}"


def _ready(session: Session, wanted: int) -> str:
    """`3 workers READY`, once they are all that there are, and answer."""
    version, ready = session.found().default, f"{count(wanted, 'worker')} READY"

    def wrong() -> list[str]:
        row = session.management.describe(session.target.model, version)[0]
        states = [worker["status"] for worker in row["workers"]]
        return [] if states == ["READY"] * wanted else [f"expected {ready}, found {states}"]

    wait_until_right(wrong)
    check_still_answers(session)
    return ready
