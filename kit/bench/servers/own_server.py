"""The profile's own server, started for a bench and ended after it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kit.bench.servers.loaded_server import Target, of_state
from kit.machine import Machine
from kit.profiles import Profile
from kit.serving import lifecycle, settings, state
from kit.serving.launch import RunFolder

NAME = "this kit"


def found(profile: Profile) -> Target | None:
    """The server that `make serve` has started, if it runs."""
    run = RunFolder(profile.build.run)
    server = state.running(run)
    return of_state(NAME, server, run) if server else None


@contextmanager
def started(profile: Profile, machine: Machine) -> Iterator[tuple[Target, float]]:
    """The server, and the seconds from its start to its first right answer with every worker READY.

    Raises KitError when it cannot be started. At the end of the block it is ended: nobody else was told of it, and
    whoever measured it has its answers.
    """
    run = RunFolder(profile.build.run)
    with state.locked(run, "start"):
        if stale := state.read(run):
            lifecycle.end(run, stale)
        wanted = lifecycle.plan(
            profile,
            settings.load(profile.properties, os.environ | run.environment()),
            machine,
        )
        begun = time.monotonic()
        process, server = lifecycle.launch(wanted, foreground=False)
        try:
            lifecycle.wait_until_proved(wanted, process, server, lambda text: None)
        except BaseException:
            lifecycle.end(run, server)
            raise
    try:
        yield of_state(NAME, server, run), time.monotonic() - begun
    finally:
        lifecycle.end(run, server)
        process.wait()
