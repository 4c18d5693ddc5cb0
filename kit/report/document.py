"""A report as one JSON document: of each server its figures over time and in one row, the worst first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.watch.record.reading import Event, Record
from common.watch.watcher import ALERT, ALERT_ENDED, STARTED, STOPPED, SWITCHED
from kit.report import figures, since

TELL_RELEASE = (STARTED, STOPPED, SWITCHED)
SILENT_SECONDS = 900.0  # three times as long as a record may be behind


@dataclass(frozen=True)
class Source:
    """A server or a box and what it recorded; `error`: why nothing new could be had of it, "" otherwise."""

    name: str
    record: Record
    error: str = ""


def document(sources: Sequence[Source], seconds: float, now: float) -> dict[str, Any]:
    """Of the `seconds` until `now`, s since 1970."""
    step = since.step(seconds)
    servers = [_server(source, now - seconds, now, step) for source in sources]
    servers.sort(key=_badness, reverse=True)
    return {"since": now - seconds, "until": now, "step_seconds": step, "servers": servers}


def _server(source: Source, since: float, until: float, step: int) -> dict[str, Any]:
    minutes = [one for one in source.record.minutes if since <= one[0] <= until]
    events = [one for one in source.record.events if since <= one.at <= until]
    summary = figures.summary(minutes, events, until - since)
    last = summary["last"]
    return {
        "name": source.name,
        "error": source.error,
        "silent_seconds": max(0.0, until - last) if last is not None and until - last > SILENT_SECONDS else 0.0,
        "release": _release(source.record.events),
        "alerts": [f"{name}: {words}" for name, words in active(events).items()],
        "summary": summary,
        "events": [one.__dict__ for one in events],
        "lines": figures.lines(figures.slots(minutes, since, until, step), step),
    }


def _release(events: Sequence[Event]) -> str:
    """The last that was told."""
    return next((one.detail for one in reversed(events) if one.what in TELL_RELEASE and one.detail), "")


def active(events: Sequence[Event]) -> dict[str, str]:
    """The alerts that have begun and not ended, by name, in words."""
    found: dict[str, str] = {}
    for event in events:
        name, _, words = event.detail.partition(": ")
        if event.what == ALERT:
            found[name] = words
        elif event.what in (ALERT_ENDED, STOPPED):
            found = {} if event.what == STOPPED else {other: one for other, one in found.items() if other != name}
    return found


def _badness(server: dict[str, Any]) -> tuple[float, ...]:
    """What an operator looks at first: who is silent, who fails, who has alerts, who is slow."""
    summary = server["summary"]
    return (
        summary["last"] is None,
        server["silent_seconds"] > 0,
        bool(server["error"]),
        round(summary["error_ratio"] or 0.0, 3),
        len(server["alerts"]) + bool(summary["drifts"]),
        summary["worker_deaths"] + max(0, summary["starts"] - 1),
        summary["p99_ms"] or 0.0,
    )


def moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))
