"""What a record holds, for whoever shows it; and how it travels, packed as it lies there."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import KitError
from common.watch.record import packing, recorder
from common.watch.record.recorder import HOUR

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
    return imported(exported(path, since), since)


def events(path: Path) -> list[Event]:
    """All of them, in the order of time; none of a file that is not there. Raises KitError."""
    if not path.exists():
        return []
    with _opened(path) as connection:
        return [Event(*row) for row in connection.execute("SELECT at, what, detail FROM events ORDER BY at")]


def exported(path: Path, since: float) -> dict[str, Any]:
    """The same as JSON holds it: with whole hours, of which only the end may be wanted. Raises KitError."""
    if not path.exists():
        return {"series": {}, "hours": [], "minutes": [], "events": []}
    with _opened(path) as connection:
        hours = connection.execute("SELECT at, body FROM hours WHERE at > ? ORDER BY at", (since - HOUR,))
        minutes = connection.execute("SELECT at, body FROM minutes WHERE at >= ? ORDER BY at", (since,))
        happened = connection.execute("SELECT at, what, detail FROM events WHERE at >= ? ORDER BY at", (since,))
        return {
            "series": recorder.series(connection),
            "hours": [[at, base64.b64encode(body).decode()] for at, body in hours],
            "minutes": [[at, base64.b64encode(body).decode()] for at, body in minutes],
            "events": [list(row) for row in happened],
        }


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(recorder.connect(path)) as connection:
            yield connection
    except sqlite3.Error as error:
        words = f"the record {path} cannot be read: {error}"
        raise KitError(words, "the server's next minutes begin a new one") from None


def imported(document: Mapping[str, Any], since: float) -> Record:
    """What `exported` has told. Raises KitError for what it did not."""
    try:
        names = {str(name): int(number) for name, number in document["series"].items()}
        levels = recorder.gauges(names)
        found = []
        for hour, body in document["hours"]:
            unpacked = packing.unpack_hour(base64.b64decode(body), levels)
            found += [(hour + minute * packing.MINUTES, values) for minute, values in sorted(unpacked.items())]
        found += [(at, packing.unpack_minute(base64.b64decode(body))) for at, body in document["minutes"]]
        minutes = [(at, recorder.named(values, names)) for at, values in found if at >= since]
        return Record(minutes, [Event(float(at), str(what), str(detail)) for at, what, detail in document["events"]])
    except (KeyError, TypeError, ValueError) as error:
        raise KitError(f"the record that came cannot be read: {error}", "deploy a newer bundle to that box") from None
