"""Before each start of the server: run the release on trial, or else the last confirmed one."""

from __future__ import annotations

import time

from box import history, releases, settings, trial
from box.events import say
from box.paths import Paths

# How long after a trial's deadline it counts as left alone: the activation itself acts at the deadline.
ORPHAN_SECONDS = 30.0


def recover(paths: Paths) -> str | None:
    """Make `current` the release to run, and return it; None when the box has none.

    The trial's marker does not survive a power cut, so after one this goes back to what was confirmed.
    """
    on_trial = trial.load(paths)
    if on_trial and not _left_alone(on_trial):
        return releases.current(paths)
    trial.clear(paths)
    settings.put_back_address(paths)
    confirmed = releases.confirmed(paths)
    target = confirmed if releases.is_whole(paths, confirmed) else _next_best(paths, confirmed)
    was = releases.current(paths)
    if was != target:
        releases.go_back(paths, target)
        say(f"vision-serve: back from {was} to {target}, the last confirmed release")
        history.record(paths.history, "recovered", target, "boot", target is not None, instead_of=was)
    paths.way_back.unlink(missing_ok=True)
    if confirmed and history.confirmed_releases(paths.history)[:1] != [confirmed]:
        # The power went between the confirm and its line.
        history.record(paths.history, history.CONFIRMED, confirmed, "boot", True)
    return target


def _left_alone(on_trial: trial.Trial) -> bool:
    return on_trial.phase == trial.WAITING and time.monotonic() > on_trial.deadline + ORPHAN_SECONDS


def _next_best(paths: Paths, damaged: str | None) -> str | None:
    """A box whose confirmed release is damaged runs the one confirmed before it."""
    best = next((name for name in history.confirmed_releases(paths.history) if releases.is_whole(paths, name)), None)
    if damaged:
        say(f"vision-serve: {damaged} is confirmed and incomplete; {best or 'nothing'} runs instead")
        return best or damaged
    return None
