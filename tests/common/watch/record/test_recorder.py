"""The record: what is written comes back, whatever the disk and the clock do."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from common.errors import KitError
from common.watch.record import reading, recorder
from common.watch.record.reading import Event
from common.watch.record.recorder import DAY, HOUR, Recorder

START = 1_790_000_000 - 1_790_000_000 % HOUR


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record" / "record.sqlite"


@pytest.fixture
def kept(path: Path, said: list[str]) -> Recorder:
    return Recorder(path, said.append)


def test_minutes_and_events_come_back_in_the_order_of_time(kept: Recorder, path: Path, said: list[str]) -> None:
    kept.event(START + 70, "switched", "fruit-1.1")
    kept.add(START + 60, {"code=200": 5, "@memory_mb": 800})
    kept.add(START, {"code=200": 3})
    assert reading.read(path, 0).minutes == [], "nothing is written yet"
    kept.flush()
    found = reading.read(path, 0)
    assert found.minutes == [(START, {"code=200": 3}), (START + 60, {"code=200": 5, "@memory_mb": 800})]
    assert found.events == [Event(START + 70, "switched", "fruit-1.1")]
    assert reading.read(path, START + 60).minutes == found.minutes[1:]
    assert said == []


def test_what_is_kept_for_the_next_one_comes_with_the_minutes(kept: Recorder, path: Path, said: list[str]) -> None:
    assert kept.kept("gateway") == ""
    kept.keep("gateway", "[1]")
    assert kept.kept("gateway") == "", "as long as its minutes are not written"
    kept.add(START, {"code=200": 3})
    kept.flush()
    assert Recorder(path, said.append).kept("gateway") == "[1]"
    path.write_bytes(b"noise" * 5000)
    assert Recorder(path, said.append).kept("gateway") == ""


def test_it_is_written_every_five_minutes(kept: Recorder, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr("time.monotonic", lambda: now)
    kept.flush()
    for minute in range(5):
        kept.add(START + 60 * minute, {"code=200": 1})
        now += 61
    assert reading.read(path, 0).minutes == []
    kept.add(START + 300, {"code=200": 1})
    assert len(reading.read(path, 0).minutes) == 6


def test_a_minute_that_comes_in_parts_is_added_up(kept: Recorder, path: Path) -> None:
    """As of a server that was started again, or of a clock that was set back."""
    for values in ({"code=200": 3, "@memory_mb": 800}, {"code=200": 4, "code=503": 1, "@memory_mb": 700}):
        kept.add(START, values)
        kept.flush()
    assert reading.read(path, 0).minutes == [(START, {"code=200": 7, "code=503": 1, "@memory_mb": 700})]


def test_hours_are_packed_and_a_clock_that_was_set_back_loses_none(kept: Recorder, path: Path) -> None:
    for minute in (0, 1, 59, 60, 61):
        kept.add(START + 60 * minute, {"code=200": minute + 1})
    kept.flush()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT at FROM hours").fetchall() == [(START,)]
    kept.add(START + 60, {"code=200": 100})
    kept.add(START + 7200, {"code=200": 1})
    kept.flush()
    found = [(at - START) // 60 for at, _ in reading.read(path, 0).minutes]
    assert found == [0, 1, 59, 60, 61, 120]
    assert dict(reading.read(path, 0).minutes)[START + 60] == {"code=200": 102}


def test_after_a_week_twenty_minutes_are_one_and_after_90_days_none(kept: Recorder, path: Path) -> None:
    for minute in range(60):
        kept.add(START + 60 * minute, {"code=200": 1, "@memory_mb": minute})
    kept.flush()
    kept.add(START + 8 * DAY, {"code=200": 1})
    kept.flush()
    old = [one for one in reading.read(path, 0).minutes if one[0] < START + HOUR]
    assert [at - START for at, _ in old] == [0, 1200, 2400]
    assert [values for _, values in old] == [{"code=200": 20, "@memory_mb": last} for last in (19, 39, 59)]
    kept.event(START, "started", "")
    kept.add(START + 92 * DAY, {"code=200": 1})
    kept.flush()
    found = reading.read(path, 0)
    assert [at for at, _ in found.minutes] == [START + 8 * DAY, START + 92 * DAY]
    assert found.events == []


def busy_minute(chance: random.Random, number: int) -> dict[str, int]:
    """Ten pictures a second, in 250 series."""
    minute = {f"confidence<{bound}": chance.randint(0, 60) for bound in range(20)}
    minute |= {f"stage{stage}<{bound}": chance.randint(0, 60) for stage in range(6) for bound in range(12)}
    minute |= {f"picture{kind}<{bound}": chance.randint(0, 60) for kind in range(6) for bound in range(12)}
    minute |= {f"label={label}": chance.randint(0, 30) for label in range(43)}
    return minute | {"@memory_mb": 800 + chance.randint(-5, 5), "@disk_mb": 20_000 - number // 60}


def test_90_days_of_a_busy_server_take_less_than_10_mb(path: Path) -> None:
    """Of every twelfth hour; the others are as large."""
    chance = random.Random(4)  # noqa: S311 - no secret
    path.parent.mkdir()
    with closing(recorder.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for hour in range(0, 95 * 24, 12):
            at = START + hour * HOUR
            minutes = {at + 60 * minute: busy_minute(chance, hour) for minute in range(60)}
            recorder.write(connection, minutes, [])
            recorder.merge_hours(connection, at + HOUR)
        connection.execute("COMMIT")
    days = {(at - START) // DAY for at, _ in reading.read(path, 0).minutes}
    assert len(days) >= 90
    assert path.stat().st_size * 12 < 10_000_000


def test_a_busier_one_forgets_its_oldest_days(kept: Recorder, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_BYTES", 200_000)
    chance = random.Random(5)  # noqa: S311 - no secret
    for hour in range(0, 6 * 24, 6):
        for minute in range(60):
            kept.add(START + hour * HOUR + 60 * minute, busy_minute(chance, hour))
        kept.flush()
    days = sorted({(at - START) // DAY for at, _ in reading.read(path, 0).minutes})
    assert 1 < len(days) < 6 and days[-1] == 5
    assert path.stat().st_size < 500_000


def test_a_disk_that_takes_nothing_is_told_and_its_minutes_come_later(
    kept: Recorder, path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    kept.add(START, {"code=200": 1})
    with monkeypatch.context() as broken:
        broken.setattr(recorder, "write", full)
        kept.flush()
    assert said == [f"the record {path} cannot be written: database or disk is full"]
    kept.add(START + 60, {"code=200": 2})
    kept.flush()
    assert [values["code=200"] for _, values in reading.read(path, 0).minutes] == [1, 2]


def test_a_damaged_record_is_put_aside_and_a_new_one_begun(kept: Recorder, path: Path, said: list[str]) -> None:
    kept.add(START, {"code=200": 1})
    kept.flush()
    path.write_bytes(b"noise" * 5000)
    with pytest.raises(KitError, match="cannot be read"):
        reading.read(path, 0)
    kept.add(START + 60, {"code=200": 2})
    kept.flush()
    assert reading.read(path, 0).minutes == [(START + 60, {"code=200": 2})]
    assert path.with_suffix(".damaged").exists()
    assert "is damaged" in said[0]


def test_names_beyond_the_most_are_not_recorded(kept: Recorder, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_SERIES", 3)
    kept.add(START, {f"label={number}": 1 for number in range(9)})
    kept.flush()
    kept.add(START, {"label=0": 1, "label=8": 1})
    kept.flush()
    ((_, values),) = reading.read(path, 0).minutes
    assert values == {"label=0": 2, "label=1": 1, "label=2": 1}


WRITER = """
import itertools, sys
from pathlib import Path
from common.watch.record import recorder
recorder.FLUSH_SECONDS = 0.0
kept = recorder.Recorder(Path(sys.argv[1]), print)
for minute in itertools.count():
    kept.add(int(sys.argv[2]) + 60 * minute, {"code=200": minute + 1})
    print(minute, flush=True)
"""


@pytest.fixture
def writer(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", WRITER, str(path), str(START)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_writer_that_is_killed_leaves_what_it_had_written(writer: subprocess.Popen[bytes], path: Path) -> None:
    assert writer.stdout
    for line in writer.stdout:
        if int(line) == 70:
            break
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    said = int(([b"70", *writer.stdout.read().splitlines()])[-1])
    found = reading.read(path, 0).minutes
    assert [values["code=200"] for _, values in found[: said + 1]] == list(range(1, said + 2))
