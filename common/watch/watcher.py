"""Watches one server until it is told to stop: counts what it does by the minute, and tells whoever scrapes."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common import durable, processes, samples
from common.errors import KitError
from common.watch import conditions, endpoint, exposition, machine, snapshot
from common.watch.conditions import Conditions, Now
from common.watch.drift import Detector
from common.watch.notifying import Notifier
from common.watch.record import reading
from common.watch.record.recorder import HOUR, Recorder, added
from common.watch.series import GATEWAY, LEVEL, Tally
from common.watch.snapshot import Snapshot
from common.watch.windows import DriftWatch

POLL_SECONDS = 2.0
FLUSHED_WITHIN = 5.0  # of a slow SD card
MINUTE = 60
# What a record's events say.
STARTED, STOPPED, SWITCHED = "started", "stopped", "switched"
DRIFTED, SETTLED = "drift", "drift ended"
ALERT, ALERT_ENDED = "alert", "alert ended"
# How a level is recorded: by which name, and how many of its units are one there.
RECORDED = {
    "memory_available_bytes": ("memory_available_mb", 1 << 20),
    "server_memory_bytes": ("server_memory_mb", 1 << 20),
    "disk_free_bytes": ("disk_free_mb", 1 << 20),
    "temperature_celsius": ("temperature_c", 1),
    "throttled": ("throttled", 1),
    "undervolted": ("undervolted", 1),
}
DRIFT_LEVEL = f"{LEVEL}drift_"  # and the statistic: hundredths of its threshold


@dataclass(frozen=True)
class Watched:
    """A server: its TEMP, its process, and since when; the file that its gateway writes its counts into; where its
    record goes, and the socket at which it is told; where its workers keep pictures. `verdict`: where a supervisor
    tells whether it answers rightly; without one the gateway says it. `about`: the release that serves now, and the
    like, as Prometheus is to know it."""

    temp: Path
    pid: int
    since: float
    gateway: Path
    record: Path
    socket: Path
    about: Callable[[], Mapping[str, str]]
    samples: Path
    verdict: Path | None = None
    notify: Callable[[], str] = str

    @property
    def release(self) -> str:
        return self.about().get("release", "")


def watch(watched: Watched, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Until `stop`. What goes wrong here is said, and is no reason for anything else to end."""
    watcher = Watcher(watched, Recorder(watched.record, say), say)
    try:
        answers = {endpoint.METRICS: watcher.text, endpoint.FLUSH: watcher.flush, endpoint.ALERTS: watcher.alerts}
        close = endpoint.listen(watched.socket, answers)
    except OSError as error:
        say(f"the metrics cannot be told at {watched.socket}: {error}")
        close = _nothing
    try:
        watcher.run(stop)
    finally:
        close()


class Watcher:
    def __init__(self, watched: Watched, recorder: Recorder, say: Callable[[str], None]) -> None:
        self._watched, self._recorder, self._say = watched, recorder, say
        self._tally, self._drift = Tally(watched.since, recorder.kept(GATEWAY)), DriftWatch()
        self._detectors: list[Detector] = []
        self._release, self._words = watched.release, ""
        self._starts = [watched.since, *_starts(watched)]
        # What held when a server ended is told to be over, or goes on.
        self._conditions = Conditions(json.loads(recorder.kept(ALERT) or "{}"))
        self._minute = _minute(time.time())
        self._whole: dict[str, int] = {}  # what this minute has counted; and what of it is not recorded yet
        self._unrecorded: dict[str, int] = {}
        self._notifier = Notifier(watched.notify, say)
        self._flush_wanted, self._flushed = threading.Event(), threading.Event()

    def run(self, stop: threading.Event) -> None:
        self._recorder.event(self._watched.since, STARTED, self._release)
        stopping = False
        while not stopping:
            stopping = stop.wait(POLL_SECONDS)
            try:
                self._poll(stopping)
            except Exception as error:  # a file that is not as it should be: the next may be
                self._say(f"what the server does could not be watched just now: {type(error).__name__}: {error}")
        self._recorder.event(time.time(), STOPPED, self._release)
        self._recorder.flush()
        self._notifier.stop()

    def _poll(self, stopping: bool) -> None:
        shown = snapshot.take(self._watched.temp, self._watched.gateway)
        new = self._tally.since_last(shown)
        self._whole, self._unrecorded = added(self._whole, new), added(self._unrecorded, new)
        self._look(shown)
        is_over, flushing = _minute(shown.at) != self._minute, self._flush_wanted.is_set()
        if not (stopping or flushing or is_over):
            return
        gauges = self._gauges()
        if is_over:
            self._judge(shown, self._whole, gauges)
        self._recorder.keep(GATEWAY, self._tally.gateway)
        self._recorder.keep(ALERT, self.alerts())
        self._recorder.add(self._minute, self._unrecorded | self._levels(gauges))
        self._unrecorded = {}
        if is_over:
            self._minute, self._whole = _minute(shown.at), {}
            samples.expire(self._watched.samples, shown.at)
        if flushing:
            self._flush_wanted.clear()
            self._recorder.flush()
            self._flushed.set()

    def _look(self, shown: Snapshot) -> None:
        """For what is an event."""
        if (release := self._watched.release) not in ("", self._release):
            self._release = release
            self._recorder.event(shown.at, SWITCHED, release)
        self._detectors = self._drift.look(shown.workers)
        if not self._detectors:  # no workers now: that is no end of it
            return
        words = "; ".join(one.words for one in self._detectors if one.drifted)
        if bool(words) != bool(self._words):
            self._recorder.event(shown.at, DRIFTED if words else SETTLED, words)
            self._say(f"drift: {words}" if words else "no drift any more")
        self._words = words

    def _judge(self, shown: Snapshot, counted: Mapping[str, int], gauges: Mapping[str, float]) -> None:
        """What is wrong after this minute."""
        so = Now(
            shown.at,
            gauges,
            self._ready(shown),
            sum(start > shown.at - HOUR for start in self._starts),
            float(shown.gateway.get("certificate_ends") or 0),
            self._words,
        )
        begun, ended = self._conditions.judge(conditions.minute(counted, gauges), so)
        for what, found in ((ALERT, begun), (ALERT_ENDED, ended)):
            for name, words in found.items():
                self._recorder.event(shown.at, what, f"{name}: {words}")
                self._say(f"{what}: {name}: {words}")
                self._notifier.tell(
                    {
                        "host": socket.gethostname(),
                        "release": self._release,
                        "alert": name,
                        "state": "firing" if what == ALERT else "resolved",
                        "words": words,
                        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(shown.at)),
                    }
                )

    def _ready(self, shown: Snapshot) -> bool | None:
        told = durable.read_object(self._watched.verdict) if self._watched.verdict else shown.gateway
        return bool(told["ready"]) if "ready" in told else None

    def _levels(self, told: Mapping[str, float]) -> dict[str, int]:
        """As they are recorded."""
        found = {
            f"{LEVEL}{name}": max(0, round(told[gauge] / unit))
            for gauge, (name, unit) in RECORDED.items()
            if gauge in told
        }
        for detector in self._detectors:
            for key, score in detector.scores.items():  # of several models, that of the worst
                name = f"{DRIFT_LEVEL}{key}"
                found[name] = max(found.get(name, 0), round(100 * score))
        return found

    def _gauges(self) -> dict[str, float]:
        watched = self._watched
        memory = processes.proportional(processes.family(watched.pid))
        mine = {"server_memory_bytes": float(memory), "start_time_seconds": round(watched.since, 3)}
        mine["time_seconds"] = round(time.time(), 3)
        return machine.gauges(watched.record.parent) | mine

    def text(self) -> str:
        """Everything, as it is now, for Prometheus."""
        shown = snapshot.take(self._watched.temp, self._watched.gateway)
        return exposition.text(shown.workers, self._gauges(), self._watched.about(), self._detectors)

    def alerts(self) -> str:
        return json.dumps(self._conditions.active)

    def flush(self) -> str:
        """For another thread: return when the record is on the disk, or nobody writes it any more."""
        self._flushed.clear()
        self._flush_wanted.set()
        self._flushed.wait(POLL_SECONDS + FLUSHED_WITHIN)
        return ""


def _starts(watched: Watched) -> list[float]:
    """When it was started before, within the last hour, as far as the record tells."""
    try:
        events = reading.read(watched.record, watched.since - HOUR).events
    except KitError:
        return []
    return [event.at for event in events if event.what == STARTED]


def _minute(at: float) -> int:
    return int(at) - int(at) % MINUTE


def _nothing() -> None:
    """No socket to close."""
