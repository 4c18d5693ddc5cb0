"""Made-up requests sent to a real server until the time is up."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tests.attack.messages import messages
from tests.attack.server import MANAGEMENT, Attacked

STATUS = re.compile(rb"^HTTP/1\.1 (\d{3})", re.MULTILINE)
CHECKED_EVERY = 250


@dataclass
class Fuzzed:
    """How many messages were sent, how often each status came, and what should not have come."""

    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)


def wrong(received: bytes) -> str:
    """Why no client should get this, or ""."""
    if leak := next((word for word in MANAGEMENT if word in received), None):
        return f"management answered: {leak.decode()}"
    if received and not received.startswith(b"HTTP/1.1 "):
        return "no HTTP"
    statuses = STATUS.findall(received)
    return next((f"HTTP {one.decode()}" for one in statuses if one in (b"500", b"502", b"504", b"507")), "")


def fuzz(server: Attacked, seconds: float, seed: int, kept: Path) -> Fuzzed:
    """`kept` gets the messages that are findings. Raises AssertionError when the server is not what it was."""
    done = Fuzzed()
    end = time.monotonic() + seconds
    for message in messages(server.model, server.key, seed):
        if time.monotonic() > end:
            break
        received = server.send(message)
        done.sent += 1
        done.statuses.update(one.decode() for one in STATUS.findall(received))
        if words := wrong(received):
            kept.mkdir(parents=True, exist_ok=True)
            file = kept / f"{sha256(message).hexdigest()[:16]}.http"
            file.write_bytes(message.replace(server.key.encode(), b"KEY"))
            done.findings.append(f"{words}: {file}")
        if done.sent % CHECKED_EVERY == 0:
            server.check()
    server.check()
    return done
