"""Work that goes on beside a test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def meanwhile(*work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Each in a thread of its own while the block runs; what it gets is set when it has to end."""
    ending = threading.Event()
    threads = [threading.Thread(target=one, args=(ending,)) for one in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()
