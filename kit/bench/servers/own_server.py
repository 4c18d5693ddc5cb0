"""The profile's own server, started for a bench and ended after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from kit.bench.servers.loaded_server import LoadedServer, of_state
from kit.machine import Machine
from kit.profiles import Profile
from kit.serving import lifecycle, state
from kit.serving.launch import RunFolder
from kit.serving.proving import proved_server

NAME = "this kit"


def found(profile: Profile) -> LoadedServer | None:
    """The server that `make serve` has started, if it runs."""
    run = RunFolder(profile.server_build.run)
    server = state.running(run)
    return of_state(NAME, server, run, profile.model) if server else None


@contextmanager
def started(profile: Profile, machine: Machine) -> Iterator[tuple[LoadedServer, float]]:
    """The server, and the seconds from its start to its first right answer with every worker READY.

    Raises KitError when it cannot be started. At the end of the block it is ended: nobody else was told of it, and
    whoever measured it has its answers.
    """
    run = RunFolder(profile.server_build.run)
    with state.locked(run, "start"):
        if stale := state.read(run):
            lifecycle.end(run, stale)
        wanted = lifecycle.plan(profile, machine)
        up = ExitStack()
        proved = up.enter_context(proved_server(wanted, lambda text: None))
    with up:
        yield of_state(NAME, proved.server, run, profile.model), proved.seconds
