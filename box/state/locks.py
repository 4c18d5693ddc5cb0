"""Two kinds of lock. The deployers' lasts from one connection to the next and has an owner; the kernel's ends with the
process that holds it, so that no crash leaves one behind.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import durable
from common.errors import KitError

STALE_SECONDS = 30 * 60


@dataclass(frozen=True)
class Holder:
    """`since` and `renewed` are Unix times."""

    owner: str
    since: float
    renewed: float

    def describe(self, now: float) -> dict[str, Any]:
        # A box without a clock of its own may count from the past: an age is never below zero.
        age = max(0.0, now - self.renewed)
        return {
            "owner": self.owner,
            "since": self.since,
            "age_seconds": round(age),
            "stale": age > STALE_SECONDS,
        }


def holder(path: Path) -> Holder | None:
    """Nobody, too, where the file is not a lock: what a power cut left of one keeps no deployer out."""
    said = durable.read_object(path)
    try:
        found = Holder(str(said["owner"]), float(said["since"]), float(said["renewed"]))
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return found if math.isfinite(found.since) and math.isfinite(found.renewed) else None


def take(path: Path, owner: str, break_held: bool) -> None:
    """Take the deployers' lock, or renew one's own. Raises KitError with the holder when another has it."""
    now = time.time()
    held = holder(path)
    if held and held.owner != owner:
        if not break_held:
            facts = held.describe(now)
            advice = "it is stale" if facts["stale"] else "wait until they are done"
            raise _held(held, facts, f"{advice}; lock --break takes it over")
        held = None
    _write(path, Holder(owner, held.since if held else now, now))


def release(path: Path, owner: str) -> None:
    held = holder(path)
    if held and held.owner != owner:
        raise _held(held, held.describe(time.time()), f'unlock --owner "{held.owner}"')
    path.unlink(missing_ok=True)


def permit(path: Path, owner: str) -> None:
    """Called by every verb that changes things: renews the owner's lock, refuses while another holds one."""
    held = holder(path)
    if not held:
        return
    if held.owner == owner:
        _write(path, Holder(owner, held.since, time.time()))
        return
    facts = held.describe(time.time())
    if not facts["stale"]:
        raise _held(held, facts, f'wait until they are done, or take their lock away: unlock --owner "{held.owner}"')


def _held(held: Holder, facts: dict[str, Any], hint: str) -> KitError:
    minutes = facts["age_seconds"] / 60
    return KitError(f"{held.owner} holds this box's lock, last renewed {minutes:.0f} min ago", hint, holder=facts)


def _write(path: Path, content: Holder) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    durable.write(path, (json.dumps(content.__dict__) + "\n").encode())


@contextmanager
def alone(path: Path, busy: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the kernel's lock on `path`. Raises KitError(busy) when another process still has it after the wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise KitError(busy, "wait until it has ended: box.pyz status says when") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def taken(path: Path) -> bool:
    """Does a process hold the kernel's lock on `path` now?"""
    try:
        with alone(path, "taken"):
            return False
    except KitError:
        return True
