"""The server is watched by its own supervisor: a thread that keeps the record and tells the metrics."""

from __future__ import annotations

import os
import pwd
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from box.state.events import say
from box.state.paths import USER, Paths
from box.watch import notify
from common.watch.watcher import Watched, watch

STOP_SECONDS = 10.0  # for the record's last minutes to reach the disk


@contextmanager
def watched(paths: Paths, java: int, release: Callable[[], str]) -> Iterator[None]:
    """While the block runs. `release`: the one that serves now, which a hot swap changes."""

    def about() -> Mapping[str, str]:
        return {"release": release()}

    server = Watched(
        temp=paths.temp,
        pid=java,
        since=time.time(),
        gateway=paths.gateway_counts,
        record=paths.record,
        socket=paths.metrics_socket,
        samples=paths.samples,
        about=about,
        verdict=paths.verdict,
        notify=lambda: notify.target(paths),
    )
    stop = threading.Event()
    thread = threading.Thread(target=watch, args=(server, stop, say), daemon=True, name="watch")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_SECONDS)


def prepare(paths: Paths) -> None:
    """Root's part: a folder for the record that the server's user may write. Without it there is none, and that is
    all."""
    if not paths.is_system:
        return
    with suppress(OSError, KeyError):
        paths.record.parent.mkdir(mode=0o750, exist_ok=True)
        user = pwd.getpwnam(USER)
        os.chown(paths.record.parent, user.pw_uid, user.pw_gid)
