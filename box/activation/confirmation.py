"""The deployer's word: confirm keeps the release on trial, revert gives it up."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from box.activation import commit_or_rollback
from box.server import golden_answer, service
from box.server.service import Service
from box.state import trial
from box.state.locks import alone
from box.state.paths import Paths
from box.store import releases
from common import json_lines
from common.errors import KitError

# Until the activation has retired the old release.
FINISH_SECONDS = 120.0
# And until it has gone back to it.
BACK_SECONDS = 420.0
POLL_SECONDS = 0.2
LOOK_SECONDS = 2.0


def confirm(paths: Paths, runs: Service, release: str) -> dict[str, Any]:
    """ok only when that release passed its gate and stays. Decided under a lock that the deadline's judge takes too."""
    with alone(paths.decision_lock, commit_or_rollback.BUSY, wait_seconds=30):
        on_trial = trial.load(paths)
        stays = releases.confirmed(paths) == release and releases.current(paths) == release
        if on_trial and on_trial.release == release and not stays:
            if on_trial.phase != trial.WAITING:
                raise KitError(f"{release} has not passed its gate: it is {on_trial.phase}", "box.pyz status")
            if time.monotonic() > on_trial.deadline:
                raise KitError(f"too late to confirm {release}: the box goes back", "deploy again")
            releases.switch(paths, paths.confirmed, release)
        elif not stays:
            raise _not_on_trial(paths, release)
    _wait_for_the_end(paths, runs, FINISH_SECONDS)
    why = golden_answer.wrong(paths, releases.load(paths, release))
    return {
        **{"ok": True, "release": release, "confirmed": True, "running": releases.current(paths)},
        **{"answers": not why, "why_not": why or None},
    }


def _not_on_trial(paths: Paths, release: str) -> KitError:
    ends = [event for event in json_lines.read(paths.activation) if event.get("event") in ("end", "result")]
    last = ends[-1] if ends else {}
    why = f": {last['error']}" if last.get("release") == release and last.get("error") else ""
    return KitError(
        f"{release} is not on trial on this box{why}",
        "deploy again",
        running=releases.current(paths),
        rolled_back=bool(last.get("rolled_back")) and last.get("release") == release,
    )


def revert(paths: Paths, runs: Service) -> dict[str, Any]:
    with alone(paths.decision_lock, commit_or_rollback.BUSY, wait_seconds=30):
        on_trial = trial.load(paths)
        if not on_trial:
            return {"ok": True, "running": releases.current(paths)}
        if releases.confirmed(paths) == on_trial.release:
            raise KitError(f"{on_trial.release} is confirmed already", "box.pyz rollback")
        if on_trial.phase != trial.WAITING:
            raise KitError(f"{on_trial.release} is not waiting for a word: it is {on_trial.phase}", "box.pyz status")
        trial.save(paths, on_trial.to(trial.GIVEN_UP))
    _wait_for_the_end(paths, runs, BACK_SECONDS)
    running = releases.current(paths)
    if running and runs.state().phase != service.READY:
        raise KitError(f"{running} is current again, and does not answer", "box.pyz logs")
    return {"ok": True, "release": on_trial.release, "running": running}


def _wait_for_the_end(paths: Paths, runs: Service, seconds: float) -> None:
    """Until the activation has ended: it holds the work lock that long. One that is gone is settled from here."""
    with suppress(KitError):
        commit_or_rollback.settle(paths, runs, wait_seconds=seconds)


def await_word(paths: Paths, runs: Service, pid: int, deadline: float, seconds: float) -> str:
    """Wait until someone decides: confirm, revert, the deadline, a crash of the server that was `pid`. Why the release
    goes back, "" when it stays."""
    looked = 0.0
    while True:
        time.sleep(POLL_SECONDS)
        crashed = False
        if time.monotonic() > looked + LOOK_SECONDS:
            state, looked = runs.state(), time.monotonic()
            crashed = state.phase != service.READY or state.pid != pid
        with alone(paths.decision_lock, commit_or_rollback.BUSY, wait_seconds=30):
            now = trial.load(paths)
            if now is None or releases.confirmed(paths) == now.release:
                return ""
            if now.phase == trial.GIVEN_UP:
                why = "the deployer gave it up"
            elif crashed:
                why = "the server ended while it waited for the confirm"
            elif time.monotonic() > deadline:
                why = f"no confirm came within {seconds:.0f} s"
            else:
                continue
            trial.save(paths, now.to(trial.REVERTING))
            return why
