"""Records of servers that were watched for an hour or a day."""

from __future__ import annotations

from common.watch.record.reading import Event, Record
from common.watch.record.recorder import HOUR

UNTIL = 1_790_000_000 - 1_790_000_000 % HOUR


def minute(requests: int = 10, **more: int) -> dict[str, int]:
    """Each answered within 50 ms, and sure of itself."""
    plain = {"gateway=200": requests, "code=200": requests, "gateway_seconds<0.05": requests}
    plain |= {"confidence<0.9": requests, "label=Banana": requests, "@server_memory_mb": 400}
    return plain | more


def record(hours: int = 2, **more: int) -> Record:
    """Until UNTIL, with a release in the middle."""
    start = UNTIL - hours * HOUR
    minutes = [(at, minute(**more)) for at in range(start, UNTIL, 60)]
    events = [Event(start, "started", "fruit-1.0"), Event(start + hours * HOUR / 2, "switched", "fruit-1.1")]
    return Record(minutes, events)
