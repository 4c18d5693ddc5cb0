"""The record: what happened in each minute, for 90 days, in one bounded SQLite file that a power cut leaves readable.

It is written every five minutes, for an SD card's sake: what was not written yet is what a power cut takes. Once an
hour its minutes become one packed row. After a week twenty minutes become one: a busy server fills 0.32 MB a day
before, and 0.08 after.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from common.watch.record import packing
from common.watch.record.packing import MINUTES

DAYS, FINE_DAYS = 90, 7
STEP = 20  # minutes that become one after FINE_DAYS
MOST_BYTES = 9_500_000  # then the oldest days go, however young
MOST_SERIES = 4000  # names that are told apart; a model of a thousand classes has 1,300
MOST_EVENTS = 5000
FLUSH_SECONDS = 300.0
MOST_WAITING = 24 * 60  # minutes kept in memory while the disk takes nothing
HOUR, DAY = 3600, 86400
GAUGE = "@"  # begins the name of a series that is a level, and not a count
SCHEMA = """
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS minutes (at INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS hours (at INTEGER PRIMARY KEY, step INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS events (at REAL NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""
Values = Mapping[str, int]


def connect(path: Path) -> sqlite3.Connection:
    """Raises sqlite3.Error for a file that is damaged, or cannot be written."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(SCHEMA)
    return connection


class Recorder:
    """Of one thread. A disk that takes nothing is told to `say`, and asked again with the next minutes."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path, self._say = path, say
        self._minutes: dict[int, Values] = {}
        self._events: list[tuple[float, str, str]] = []
        self._kept: dict[str, str] = {}
        self._flushed = time.monotonic()

    def add(self, minute: int, values: Values) -> None:
        """What happened in the minute that began at `minute`, s since 1970; to what is there of it already. A series
        whose name begins with GAUGE is a level: the later one counts."""
        self._minutes[minute] = added(self._minutes.get(minute, {}), values)
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def event(self, at: float, what: str, detail: str) -> None:
        """Something that a picture of the time is marked with."""
        self._events.append((at, what, detail))

    def keep(self, name: str, body: str) -> None:
        """Something for the next one who writes this record, as it is with the minutes that are written with it."""
        self._kept[name] = body

    def kept(self, name: str) -> str:
        """What the one before has kept; "" for nothing."""
        if not self._path.exists():
            return ""
        try:
            with closing(connect(self._path)) as connection:
                row = connection.execute("SELECT body FROM kept WHERE name = ?", (name,)).fetchone()
        except sqlite3.Error:
            return ""
        return str(row[0]) if row else ""

    def flush(self) -> None:
        self._flushed = time.monotonic()
        try:
            try:
                self._write()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._begin_anew(error)
                self._write()
        except (sqlite3.Error, OSError) as error:
            self._say(f"the record {self._path} cannot be written: {error}")
            for minute in sorted(self._minutes)[:-MOST_WAITING]:
                del self._minutes[minute]
            return
        self._minutes, self._events = {}, []

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(self._path)
        try:
            connection.execute("BEGIN IMMEDIATE")
            write(connection, self._minutes, self._events)
            connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", self._kept.items())
            if self._minutes:
                merge_hours(connection, max(self._minutes))
            connection.execute("COMMIT")
        finally:
            connection.close()

    def _begin_anew(self, error: Exception) -> None:
        beside = self._path.with_suffix(".damaged")
        self._path.replace(beside)
        self._path.with_name(self._path.name + "-journal").unlink(missing_ok=True)
        self._say(f"the record is damaged ({error}): a new one is begun, and the old one kept as {beside}")


def added(before: Values, more: Values) -> dict[str, int]:
    """Two parts of one minute."""
    both = dict(before)
    for name, value in more.items():
        both[name] = value if name.startswith(GAUGE) else both.get(name, 0) + value
    return both


def write(connection: sqlite3.Connection, minutes: Mapping[int, Values], events: list[tuple[float, str, str]]) -> None:
    """Add minutes to those that are there, and events."""
    names = series(connection)
    for minute, values in sorted(minutes.items()):
        row = connection.execute("SELECT body FROM minutes WHERE at = ?", (minute,)).fetchone()
        before = named(packing.unpack_minute(row[0]), names) if row else {}
        numbered = {_number(connection, names, name): value for name, value in added(before, values).items()}
        numbered.pop(0, None)
        body = packing.pack_minute(numbered)
        connection.execute("INSERT OR REPLACE INTO minutes VALUES (?, ?)", (minute, body))
    connection.executemany("INSERT INTO events VALUES (?, ?, ?)", events)


def series(connection: sqlite3.Connection) -> dict[str, int]:
    return {name: number for number, name in connection.execute("SELECT id, name FROM series")}


def named(values: Mapping[int, int], names: Mapping[str, int]) -> dict[str, int]:
    by_number = {number: name for name, number in names.items()}
    return {by_number[number]: value for number, value in values.items() if number in by_number}


def gauges(names: Mapping[str, int]) -> set[int]:
    return {number for name, number in names.items() if name.startswith(GAUGE)}


def _number(connection: sqlite3.Connection, names: dict[str, int], name: str) -> int:
    """0 for one too many: it is not recorded."""
    if name not in names:
        if len(names) >= MOST_SERIES:
            return 0
        names[name] = int(connection.execute("INSERT INTO series (name) VALUES (?)", (name,)).lastrowid or 0)
    return names[name]


def merge_hours(connection: sqlite3.Connection, now: int) -> None:
    """Pack the minutes of the hours before that of `now`, and let go of what is too old or too much."""
    current = now - now % HOUR
    levels = gauges(series(connection))
    old: dict[int, dict[int, packing.Minute]] = {}
    for at, body in connection.execute("SELECT at, body FROM minutes WHERE at < ?", (current,)):
        old.setdefault(at - at % HOUR, {})[at % HOUR // MINUTES] = packing.unpack_minute(body)
    for hour, minutes in old.items():
        row = connection.execute("SELECT body FROM hours WHERE at = ?", (hour,)).fetchone()
        whole = packing.merged(packing.unpack_hour(row[0], levels), minutes, levels) if row else minutes
        _put_hour(connection, hour, 1, packing.pack_hour(whole, levels))
    connection.execute("DELETE FROM minutes WHERE at < ?", (current,))
    fine = connection.execute("SELECT at, body FROM hours WHERE step = 1 AND at < ?", (current - FINE_DAYS * DAY,))
    for hour, body in fine.fetchall():
        coarse = packing.coarser(packing.unpack_hour(body, levels), STEP, levels)
        _put_hour(connection, hour, STEP, packing.pack_hour(coarse, levels))
    connection.execute("DELETE FROM hours WHERE at < ?", (current - DAYS * DAY,))
    while _bytes(connection) > MOST_BYTES and (oldest := _oldest(connection)) is not None:
        connection.execute("DELETE FROM hours WHERE at < ?", (oldest + DAY,))
    connection.execute(
        "DELETE FROM events WHERE rowid <= (SELECT max(rowid) FROM events) - ? OR at < ?",
        (MOST_EVENTS, current - DAYS * DAY),
    )


def _put_hour(connection: sqlite3.Connection, hour: int, step: int, body: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO hours VALUES (?, ?, ?)", (hour, step, body))


def _bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _oldest(connection: sqlite3.Connection) -> int | None:
    found: int | None = connection.execute("SELECT min(at) FROM hours").fetchone()[0]
    return found
