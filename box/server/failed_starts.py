"""Starts in a row that came to nothing. A box keeps trying for as long as it has power, with growing pauses."""

from __future__ import annotations

from box.state.paths import Paths
from common import durable

# With the unit's RestartSec: 5 s after the first failure, 10, 20, 40 … and at most some three minutes.
FIRST_SECONDS = 5.0
LONGEST_SECONDS = 175.0
# A start that fails is first of all taken for damage; after that, from time to time.
CHECK_EVERY = 10


def count(paths: Paths) -> int:
    """How many there were before this start, which is counted as the next one until the unit says that it answers."""
    try:
        before = int(paths.failed_starts.read_text(encoding="ascii"))
    except (OSError, ValueError):
        before = 0
    durable.write(paths.failed_starts, str(before + 1).encode())
    return before


def forget(paths: Paths) -> None:
    """What somebody starts is tried at once."""
    paths.failed_starts.unlink(missing_ok=True)


def pause(failed: int) -> float:
    """Seconds to wait before the next try, beside systemd's own."""
    return min(LONGEST_SECONDS, FIRST_SECONDS * (2 ** min(failed - 1, 10) - 1)) if failed else 0.0


def looks_like_damage(failed: int) -> bool:
    """Is it time to read every file, whatever their sizes say?"""
    return failed == 1 or (failed > 0 and failed % CHECK_EVERY == 0)
