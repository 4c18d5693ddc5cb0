"""How a trial ends: the new release stays, or the one before it comes back. Both can be cut off and repeated."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from box.activation import choice
from box.activation.hot_swap import Hot
from box.gateway import following
from box.server import endpoints, startup
from box.server.service import FAILED, READY, STOPPED, Service
from box.state import history, settings, trial
from box.state.events import Journal, say
from box.state.locks import alone
from box.state.paths import Paths
from box.state.trial import Trial
from box.store import integrity, pruning, releases
from box.system.space import MEGABYTE
from common import json_lines, memory
from common.errors import KitError

# In memory, and not in a process: the files in /run, the page cache.
NOT_COUNTED_MB = 128
# As in the unit.
MOST_OF_THE_BOX = 0.85
BUSY = "another activation is at work on this box"


def memory_limit(paths: Paths, release: str) -> float:
    """Megabytes for the service: the gate's, a second worker's for a hot swap, and what the gate does not count.

    Never all that the box has: what outgrows it is to be ended in the service, and not sshd in its place.
    """
    gate = releases.load(paths, release).gate
    return min(gate.memory_mb + gate.second_worker_mb + NOT_COUNTED_MB, MOST_OF_THE_BOX * memory.total() / MEGABYTE)


def hot_of(paths: Paths, on_trial: Trial) -> Hot:
    if not on_trial.previous:
        raise KitError("a hot swap needs a release that runs")
    return Hot(
        paths,
        releases.load(paths, on_trial.previous),
        releases.load(paths, on_trial.release),
        endpoints.inference(paths),
        endpoints.management(paths),
    )


def keep(paths: Paths, runs: Service, on_trial: Trial) -> list[str]:
    """Confirmed: the old one is retired, what nobody needs goes. Returns the releases that were removed."""
    try:
        integrity.restore_marks(paths, on_trial.release)
    except OSError as error:
        say(f"{on_trial.release} is confirmed without its mark ({error.strerror}); the next start makes it")
    if history.confirmed_releases(paths.history)[:1] != [on_trial.release]:
        history.record(
            paths.history, history.CONFIRMED, on_trial.release, on_trial.owner, True, instead_of=on_trial.previous
        )
    if on_trial.how == choice.HOT:
        try:
            hot_of(paths, on_trial).retire()
        except KitError as error:
            say(f"the old version is not retired: {error.message}; the next restart does it")
        runs.limit_memory(memory_limit(paths, on_trial.release))
    trial.clear(paths)
    paths.way_back.unlink(missing_ok=True)
    paths.address_before.unlink(missing_ok=True)
    following.tried(paths, on_trial.release)  # its page tells the last deployments
    return tidy(paths)


def tidy(paths: Paths) -> list[str]:
    """Remove what nobody needs. Returns the releases that went."""
    try:
        return pruning.prune(paths, settings.load(paths).keep)
    except (KitError, OSError) as error:
        say(f"not pruned: {error}")
        return []


def take_back(paths: Paths, runs: Service, on_trial: Trial) -> str | None:
    """Return the release that answers again, None on a box that had none. Raises KitError when it does not answer.

    `current` goes back and the marker is removed before the old release is started: whatever ends this process
    after that, a start by systemd or a boot brings the old release.
    """
    trial.save(paths, on_trial.to(trial.REVERTING))
    if on_trial.how == choice.HOT and runs.state().phase == READY:
        with suppress(KitError):
            hot_of(paths, on_trial).undo()
            runs.limit_memory(memory_limit(paths, str(on_trial.previous)))
            releases.go_back(paths, on_trial.previous)
            trial.clear(paths)
            following.tried(paths, on_trial.previous)
            return on_trial.previous
    settings.put_back_address(paths)
    releases.go_back(paths, on_trial.previous)
    trial.clear(paths)
    if on_trial.previous is None:
        runs.stop()
    elif not runs.going_down():
        startup.restart(paths, runs, releases.load(paths, on_trial.previous))
    following.tried(paths, on_trial.previous)
    return on_trial.previous


@dataclass(frozen=True)
class Outcome:
    """`running` answers now; None where there was nothing before, or `trouble` says why it does not."""

    running: str | None
    trouble: str = ""

    @property
    def went_back(self) -> bool:
        return not self.trouble


def back_and_told(paths: Paths, runs: Service, on_trial: Trial, why: str) -> Outcome:
    """Take back, and write it into the history. Never raises KitError or OSError: the way back must end."""
    try:
        outcome = Outcome(take_back(paths, runs, on_trial))
    except (KitError, OSError) as error:
        outcome = Outcome(None, f"; and {on_trial.previous} does not answer either: {error}")
    history.record(
        *(paths.history, "rolled-back", on_trial.release, on_trial.owner, False),
        running=outcome.running,
        error=why + outcome.trouble,
    )
    return outcome


def settle(paths: Paths, runs: Service, wait_seconds: float = 10) -> str:
    """End a trial whose activation is gone; a sentence on what was done, "" when there was none.

    Raises KitError when the activation is still at work after `wait_seconds`.
    """
    with alone(paths.work_lock, BUSY, wait_seconds):
        on_trial = trial.load(paths)
        if not on_trial:
            return ""
        with alone(paths.decision_lock, BUSY, wait_seconds=10):
            stays = releases.confirmed(paths) == on_trial.release
            if not stays:
                trial.save(paths, on_trial.to(trial.REVERTING))
        journal = Journal(paths.activation)
        if stays:
            if runs.state().phase in (STOPPED, FAILED) and not runs.going_down():
                startup.restart(paths, runs, releases.load(paths, on_trial.release))
            keep(paths, runs, on_trial)
            journal.end(ok=True, release=on_trial.release, confirmed=True)
            return f"{on_trial.release} was confirmed, and stays"
        why = f"the activation of {on_trial.release} ended before it was confirmed"
        outcome = back_and_told(paths, runs, on_trial, why)
        facts = {"ok": False, "rolled_back": outcome.went_back, "release": on_trial.release, "running": outcome.running}
        told = any(event.get("event") == "result" for event in json_lines.read(paths.activation))
        (journal.end if told else journal.result)(**facts, error=why + outcome.trouble)
        return f"{why}; {outcome.running or 'nothing'} runs{outcome.trouble}"
