"""TorchServe says that a change is done a moment before its own description shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from kit.smoke.outcome import CheckFailed

SETTLE_SECONDS = 30.0
POLL_SECONDS = 0.2


def wait_until_right(wrong: Callable[[], Sequence[str]]) -> None:
    """Ask again what is wrong until nothing is. Raises CheckFailed with what still is after SETTLE_SECONDS."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while found := wrong():
        if time.monotonic() > deadline:
            raise CheckFailed("; ".join(found))
        time.sleep(POLL_SECONDS)
