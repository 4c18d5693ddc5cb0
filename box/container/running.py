"""A container's first process: the server under its supervisor with the gateway in front, both ended in that order.

On a box that is systemd's part. Whoever is process 1 also has to bury those whose parents are gone, or they stay in the
table of processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from box.container import arriving
from box.gateway import certificate, following, nginx, planning
from box.program import invocation
from box.server.supervisor import NOTHING_TO_SERVE
from box.state.events import say
from box.state.paths import Paths
from box.store import releases
from common.errors import KitError

POLL_SECONDS = 0.2
LOOK_SECONDS = 10.0  # at the certificate: a secret that is renewed changes under a running container


def run(paths: Paths, models: Path | None) -> int:
    """Until SIGTERM (0), or until one of the two ends (its exit status, or 1). `models`: the folder whose bundle is
    served, None for the image's own release. Raises KitError for a bundle that is not to be trusted, and where no
    gateway can stand: without it TorchServe, which is on loopback, would answer nobody."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    release = arriving.arrive(paths, models) if models else releases.to_run(paths)
    if not release:
        say("vision-serve: there is no release in this image")
        return NOTHING_TO_SERVE
    where = planning.wanted(paths)
    if where is None or not following.follow(paths, release):
        raise KitError("this container has no gateway, so nobody could reach the server", "see the line above")
    server = subprocess.Popen(
        [*invocation.command(paths), "serve"], env=invocation.environment(), stdin=subprocess.DEVNULL
    )
    try:
        return _watch(paths, release, server, stop)
    finally:
        nginx.of(paths).stop()  # new connections are refused now, those under way are answered
        server.terminate()
        server.wait()


def _watch(paths: Paths, release: str, server: subprocess.Popen[bytes], stop: threading.Event) -> int:
    gateway, shown, looked = nginx.of(paths), certificate.mounted(paths), time.monotonic()
    while not stop.wait(POLL_SECONDS):
        if time.monotonic() - looked > LOOK_SECONDS:
            before, shown, looked = shown, certificate.mounted(paths) or shown, time.monotonic()
            if shown != before:
                following.tried(paths, release)
        if server.poll() is not None:
            say(f"vision-serve: the server ended with status {server.returncode}")
            return server.returncode or 1
        if not gateway.pid():
            say(f"vision-serve: the gateway ended: {gateway.said()}")
            return 1
        _bury(server.pid)
    return 0


def _bury(kept: int) -> None:
    """Every process of ours that has ended, but for the one whose status somebody waits for."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None or found.si_pid == kept:
                return
            os.waitpid(found.si_pid, 0)
        except ChildProcessError:
            return
