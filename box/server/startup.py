"""A start of the server, watched until it answers or is known to have failed."""

from __future__ import annotations

import time

from box.server import endpoints, service
from box.server.service import Service, State
from box.state.paths import Paths
from common.errors import KitError
from common.manifest import Manifest
from common.server import server_log

POLL_SECONDS = 0.2
# Between the request to start and the first sign of it.
PATIENCE_SECONDS = 10.0
# Beyond the release's own ready_seconds: for the supervisor's own start, and its first prediction.
EXTRA_SECONDS = 60.0


def longest(manifest: Manifest) -> float:
    """Seconds that stopping the server before, and starting this release up to its gate, may take."""
    return manifest.server.response_timeout + manifest.gate.ready_seconds + EXTRA_SECONDS


def restart(paths: Paths, runs: Service, manifest: Manifest) -> State:
    """Stop, start, and return when this release says that it answers. Raises KitError with the cause."""
    runs.stop()
    since = time.time()
    runs.start()
    return wait_until_ready(paths, runs, manifest, since)


def cause(runs: Service, state: State, since: float) -> str:
    """Why it does not run, by its own last word or by its log since a Unix time; "" when neither says."""
    return state.why or server_log.verdict_of(runs.log(since, 400))


def wait_until_ready(paths: Paths, runs: Service, manifest: Manifest, since: float) -> State:
    begun = time.monotonic()
    limit = manifest.gate.ready_seconds + EXTRA_SECONDS
    while True:
        state = runs.state()
        waited = time.monotonic() - begun
        if state.phase == service.READY and endpoints.own_word(paths).get("release") == manifest.release:
            return state
        if state.phase == service.FAILED or (state.phase == service.STOPPED and waited > PATIENCE_SECONDS):
            raise KitError(
                f"{manifest.release} does not start: {cause(runs, state, since) or 'it ended without saying why'}"
            )
        if waited > limit:
            raise KitError(f"{manifest.release} was not ready after {limit:.0f} s")
        time.sleep(POLL_SECONDS)
