"""A record as lines over time: one figure for each step, None where there was nothing to tell it by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from common.watch.record.reading import Event, Minute
from common.watch.record.recorder import added
from common.watch.series import DEATHS, GATEWAY, GATEWAY_SECONDS, LEVEL
from common.watch.watcher import DRIFT_LEVEL, DRIFTED, STARTED
from kit.report import histogram
from kit.report.histogram import Counts

# What latency is read from, whichever of them there is: as clients see it, or as near to that as the server gets.
LATENCIES = (GATEWAY_SECONDS, "total", "handler")
LEVELS = ("server_memory_mb", "memory_available_mb", "temperature_c", "throttled", "undervolted", "disk_free_mb")
SHARES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
BUSY = {"429", "503"}  # the server was there, and asked to be asked again


@dataclass(frozen=True)
class Slot:
    """A step of time, and what was counted in it; empty where nobody recorded."""

    at: int
    counts: Counts


def slots(minutes: Iterable[Minute], since: float, until: float, step: int) -> list[Slot]:
    """Every step from `since` to `until`, s since 1970; `step` in seconds."""
    first = int(since) - int(since) % step
    found: dict[int, dict[str, int]] = {at: {} for at in range(first, int(until) + 1, step)}
    for at, values in minutes:
        if (slot := at - at % step) in found:
            found[slot] = added(found[slot], values)
    return [Slot(at, counts) for at, counts in found.items()]


def codes(counts: Counts) -> dict[str, int]:
    """Answers by HTTP status, as clients got them."""
    return histogram.values(counts, GATEWAY) or histogram.values(counts, "code")


def latency(counts: Counts, share: float) -> float | None:
    """Milliseconds."""
    for key in LATENCIES:
        if (found := histogram.quantile(counts, key, share)) is not None:
            return 1000 * found
    return None


def figures(counts: Counts, seconds: float) -> dict[str, Any]:
    """Of what was counted within `seconds`. Nothing but the levels where no request came."""
    answers = codes(counts)
    total = sum(answers.values())
    found: dict[str, Any] = {"requests": total, "requests_per_minute": 60 * total / seconds}
    found["answered"] = sum(count for code, count in answers.items() if code < "400")
    found["refused"] = sum(count for code, count in answers.items() if "400" <= code < "500" and code not in BUSY)
    found["busy"] = sum(count for code, count in answers.items() if code in BUSY)
    found["failed"] = total - found["answered"] - found["refused"] - found["busy"]
    found["error_ratio"] = (found["busy"] + found["failed"]) / total if total else None
    found |= {f"{name}_ms": latency(counts, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
    for key in ("confidence", "brightness", "sharpness"):
        found |= {f"{key}_{name}": histogram.quantile(counts, key, share) for name, share in SHARES.items()}
    found["queue_p95_ms"] = _milliseconds(histogram.quantile(counts, "queue", 0.95))
    drifts = {name.removeprefix(DRIFT_LEVEL): value for name, value in counts.items() if name.startswith(DRIFT_LEVEL)}
    found["drift"] = {key: value / 100 for key, value in drifts.items()}
    found["labels"] = histogram.values(counts, "label")
    found["refusals"] = histogram.values(counts, "refused")
    found["worker_deaths"] = int(counts.get(DEATHS, 0))
    return found | {name: counts.get(f"{LEVEL}{name}") for name in LEVELS}


def lines(shown: Sequence[Slot], step: int) -> list[dict[str, Any]]:
    """A figure of each kind for each slot; only the time where nobody recorded."""
    return [{"at": slot.at} | (figures(slot.counts, step) if slot.counts else {}) for slot in shown]


def summary(minutes: Sequence[Minute], events: Sequence[Event], seconds: float) -> dict[str, Any]:
    """The whole time in one row."""
    total: dict[str, int] = {}
    for _, values in minutes:
        total = added(total, values)
    found = figures(total, seconds)
    highest = {name: max((values.get(f"{LEVEL}{name}", 0) for _, values in minutes), default=0) for name in LEVELS}
    starts = [event for event in events if event.what == STARTED]
    return found | {
        "last": minutes[-1][0] if minutes else None,
        "most_server_memory_mb": highest["server_memory_mb"],
        "most_temperature_c": highest["temperature_c"],
        "throttled_minutes": sum(values.get(f"{LEVEL}throttled", 0) > 0 for _, values in minutes),
        "starts": len(starts),
        "drifts": [event.detail for event in events if event.what == DRIFTED],
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
