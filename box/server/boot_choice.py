"""Before each start of the server: run the release on trial, or else the last confirmed one that is whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from box.state import history, settings, trial
from box.state.events import say
from box.state.paths import Paths
from box.store import confirmations, integrity, releases
from common import durable

# How long after a trial's deadline it counts as left alone: the activation itself acts at the deadline.
ORPHAN_SECONDS = 30.0


def recover(paths: Paths) -> str | None:
    """Make `current` the release to run, and return it; None when the box has none.

    The trial's marker does not survive a power cut, so after one this goes back to what was confirmed. Nothing here
    needs a disk that can be written: what runs is then told in /run.
    """
    paths.instead.unlink(missing_ok=True)
    on_trial = trial.load(paths)
    if on_trial and not _left_alone(on_trial):
        return releases.current(paths)
    trial.clear(paths)
    with _tolerated("the address"):
        settings.put_back_address(paths)
        settings.keep_copy(paths)
    target = _target(paths)
    was, confirmed = releases.current(paths), releases.confirmed(paths)
    if was != target:
        with _tolerated("current"):
            releases.go_back(paths, target)
        say(f"vision-serve: back from {was} to {target}, the last confirmed release")
        history.record(paths.history, "recovered", target, "boot", target is not None, instead_of=was)
    with _tolerated("confirmed"):
        _confirm(paths, target, confirmed)
        paths.way_back.unlink(missing_ok=True)
    if target and releases.current(paths) != target:
        durable.point(paths.instead, f"releases/{target}")
    return target


def _left_alone(on_trial: trial.Trial) -> bool:
    return on_trial.phase == trial.WAITING and time.monotonic() > on_trial.deadline + ORPHAN_SECONDS


def _target(paths: Paths) -> str | None:
    """The last confirmed release that is whole; with none, the last one, which may answer all the same."""
    good = integrity.last_good(paths)
    last = releases.confirmed(paths) or next(iter(confirmations.latest_first(paths)), None)
    if last and last != good:
        damage = "; ".join(integrity.damage(paths, last))
        say(f"vision-serve: {last} is damaged ({damage}); {good or 'with nothing whole beside it, it'} runs")
    if good or not last:
        return good
    return last if paths.release(last).is_dir() else None


def _confirm(paths: Paths, target: str | None, confirmed: str | None) -> None:
    """What runs from now on is what was confirmed: a damaged release is one no more until it was deployed again."""
    if target is None:
        return
    if target != confirmed:
        releases.switch(paths, paths.confirmed, target)
    integrity.restore_marks(paths, target)
    if history.confirmed_releases(paths.history)[:1] != [target]:
        # The power went between the confirm and its line, or the history is lost.
        history.record(paths.history, history.CONFIRMED, target, "boot", True)


@contextmanager
def _tolerated(what: str) -> Iterator[None]:
    """A disk that takes no change does not keep the server from its start."""
    try:
        yield
    except OSError as error:
        say(f"vision-serve: {what} cannot be changed on this disk: {error.strerror}")
