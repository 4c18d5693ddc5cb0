"""The copy of a box's record that a workstation keeps: only what it does not have yet is sent."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from common.watch.record import recorder
from common.watch.record.reading import Record
from common.watch.record.recorder import HOUR


def path(folder: Path, box: str) -> Path:
    """Of a box, by the name that it has in the fleet file, or `user@host`."""
    return folder / f"{re.sub(r'[^A-Za-z0-9@._-]', '_', box)}.sqlite"


def wanted_since(path: Path) -> float:
    """From when on the copy at `path` lacks what there is, s since 1970; 0 for none. The last minute was not over."""
    if not path.exists():
        return 0.0
    with closing(recorder.connect(path)) as connection:
        minute = connection.execute("SELECT max(at) FROM minutes").fetchone()[0]
        hour = connection.execute("SELECT max(at) FROM hours").fetchone()[0]
    if minute is not None:
        return float(minute)
    return float(hour + HOUR) if hour is not None else 0.0


def keep(path: Path, record: Record, since: float) -> None:
    """Add what is new to the copy, which is all that came at `since` or later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(recorder.connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM minutes WHERE at >= ?", (since,))
        connection.execute("DELETE FROM events WHERE at >= ?", (since,))
        recorder.write(connection, dict(record.minutes), [(one.at, one.what, one.detail) for one in record.events])
        if record.minutes:
            recorder.merge_hours(connection, max(at for at, _ in record.minutes))
        connection.execute("COMMIT")
