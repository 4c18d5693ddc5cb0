"""Does this container answer rightly, now? For an engine's health check, and for Kubernetes's."""

from __future__ import annotations

import time

from box.gateway import nginx
from box.server import golden_answer
from box.state.paths import Paths
from box.store import releases

PATIENCE_SECONDS = 20.0
RETRY_SECONDS = 0.5


def wrong(paths: Paths) -> str:
    """Why not; "" when it does. A full queue refuses this question as it refuses others: asked often enough it gets its
    turn, and a server that is only busy is not ended."""
    if not nginx.of(paths).pid():
        return "the gateway does not run"
    manifest = releases.loaded(paths, releases.to_run(paths))
    if manifest is None:
        return "there is no release in this image"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while why := golden_answer.wrong(paths, manifest):
        if time.monotonic() > deadline:
            return why
        time.sleep(RETRY_SECONDS)
    return ""
