"""What a box is doing now, as far as it bears on how a release is taken into service."""

from __future__ import annotations

from box.activation.choice import Situation
from box.server import endpoints, service
from box.server.service import Service
from box.state.paths import Paths
from box.store import releases
from box.system.space import MEGABYTE
from common import memory
from common.manifest import Manifest


def look(paths: Paths, runs: Service, running: Manifest | None) -> Situation:
    state = runs.state()
    word = endpoints.own_word(paths)
    return Situation(
        running=running,
        serving=running is not None and state.phase == service.READY and word.get("release") == running.release,
        room_mb=memory.available(pid=state.pid) / MEGABYTE if state.pid else 0.0,
        address_changes=bool(endpoints.other_address(paths)),
        files_replaced=running is not None and word.get("files") != releases.files_of(paths, running),
        had_release=releases.confirmed(paths) is not None,
    )
