"""What a record holds, for whoever shows it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from common.errors import KitError
from common.watch import packing, recorder
from common.watch.recorder import HOUR

Minute = tuple[int, dict[str, int]]


@dataclass(frozen=True)
class Event:
    at: float
    what: str
    detail: str


@dataclass(frozen=True)
class Record:
    """`minutes`: when each began (s since 1970), and what was counted in it; of some older than a week, twenty
    together. Both in the order of time."""

    minutes: list[Minute]
    events: list[Event]


def read(path: Path, since: float) -> Record:
    """What came at `since` or later; of a file that is not there, nothing. Raises KitError for one that cannot be
    read."""
    if not path.exists():
        return Record([], [])
    try:
        with closing(recorder.connect(path)) as connection:
            found = connection.execute("SELECT at, what, detail FROM events WHERE at >= ? ORDER BY at", (since,))
            events = [Event(*row) for row in found]
            return Record([one for one in _minutes(connection, since) if one[0] >= since], events)
    except (sqlite3.Error, ValueError) as error:
        raise KitError(
            f"the record {path} cannot be read: {error}", "the server's next minutes begin a new one"
        ) from None


def _minutes(connection: sqlite3.Connection, since: float) -> Iterator[Minute]:
    names = recorder.series(connection)
    levels = recorder.gauges(names)
    hours = connection.execute("SELECT at, body FROM hours WHERE at > ? ORDER BY at", (since - HOUR,))
    for hour, body in hours:
        for minute, values in sorted(packing.unpack_hour(body, levels).items()):
            yield hour + minute * packing.MINUTES, recorder.named(values, names)
    for at, body in connection.execute("SELECT at, body FROM minutes WHERE at >= ? ORDER BY at", (since,)):
        yield at, recorder.named(packing.unpack_minute(body), names)
