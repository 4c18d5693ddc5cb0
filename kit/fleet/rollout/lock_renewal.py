"""Renew the locks of boxes that wait: a box takes a lock for stale after half an hour of silence."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from kit.fleet.host.jobs import HostJobs

RENEW_SECONDS = 1200.0
# 10,000 boxes every twenty minutes are 8 connections a second; each takes about a third of one.
PARALLEL = 8


@contextmanager
def locks_renewed(hosts: Collection[HostJobs], renew_seconds: float = RENEW_SECONDS) -> Iterator[None]:
    """While the block runs, no lock of an idle box gets older than `renew_seconds` and a tenth."""
    over = threading.Event()

    def keep() -> None:
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="lock-renewal") as pool:
            while not over.wait(renew_seconds / 10):
                for _ in pool.map(lambda host: host.keep_lock(renew_seconds), hosts):
                    if over.is_set():
                        break

    renewer = threading.Thread(target=keep, name="lock-renewal")
    renewer.start()
    try:
        yield
    finally:
        over.set()
        renewer.join()
