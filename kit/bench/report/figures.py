"""A run's results as one JSON document: every figure with its noise, the range over the repeats.

Percentiles are of all the samples of all the repeats together; their range is that of the repeats' own.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from kit.bench.load.plan import percentile
from kit.bench.measuring import Window
from kit.bench.report.tables import figure
from kit.bench.rounds import LoadSettings, Results, Stage

PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9}
CEILING = "the ceiling"
CURVE = (1, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.99)


def document(results: Results, settings: LoadSettings, about: dict[str, Any]) -> dict[str, Any]:
    """`about` says what was measured on what: it goes in as it is, after the sentence."""
    rows = [row(server, stage, windows) for (server, stage), windows in results.windows.items()]
    rows.sort(key=lambda found: results.servers.index(found["server"]))
    made = {
        **about,
        "settings": {
            "clients": list(settings.clients),
            "seconds": settings.seconds,
            "warm_up": settings.warm_up,
            "repeats": settings.repeats,
        },
        "servers": [server_facts(results, name) for name in results.servers],
        "loads": rows,
        "ceiling": spread([figure for figures in results.ceilings.values() for figure in figures]),
        "comparisons": comparisons(results, settings),
    }
    return {"sentence": sentence(results, settings, made), **made}


def number(value: float) -> float | None:
    """Rounded to what can be meant, and None for what JSON has no word for."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def spread(values: Sequence[float]) -> dict[str, float | None] | None:
    """The median of the repeats and their range; None when there were none."""
    if not values:
        return None
    return {"value": number(statistics.median(values)), "low": number(min(values)), "high": number(max(values))}


def row(server: str, stage: Stage, windows: Sequence[Window]) -> dict[str, Any]:
    """One server under one load."""
    measured = [window.measurement for window in windows]
    pooled = sorted(latency for window in windows for latency in window.latencies)
    errors: dict[str, int] = {}
    for window in windows:
        for kind, times in window.errors.items():
            errors[kind] = errors.get(kind, 0) + times
    local = all(window.processes for window in windows)
    latencies = {}
    for name, percent in PERCENTILES.items():
        own = [percentile(window.latencies, percent) for window in windows]
        latencies[name] = {
            "value": number(percentile(pooled, percent)),
            "low": number(min(own)),
            "high": number(max(own)),
        }
    return {
        "server": server,
        "loop": "closed" if stage.clients else "open",
        "load": windows[0].load.title,
        "clients": stage.clients or None,
        "rate": windows[0].load.rate or None,
        "answers": sum(measurement.requests for measurement in measured),
        "throughput": spread([measurement.throughput for measurement in measured]),
        "latency_ms": latencies,
        "curve": [
            [percent, number(percentile(pooled, percent))]
            for percent in CURVE
            # A percentile is known only where some samples lie beyond it.
            if round(len(pooled) * (100 - percent), 6) >= 100
        ],
        "errors": errors,
        "cores": spread([measurement.cores for measurement in measured]) if local else None,
        "generator_core_percent": spread([100 * measurement.client_cores for measurement in measured]),
        "memory_bytes": max(measurement.memory for measurement in measured) if local else None,
    }


def server_facts(results: Results, name: str) -> dict[str, Any]:
    """Its start, and its processes' memory after the last measurement of it."""
    windows = [window for (server, _), found in results.windows.items() if server == name for window in found]
    shares = windows[-1].processes if windows else []
    return {
        "name": name,
        "start_seconds": spread(results.starts.get(name, [])),
        "processes": [{"kind": share.kind, "pid": share.pid, "memory_bytes": share.memory} for share in shares],
    }


def comparisons(results: Results, settings: LoadSettings) -> list[dict[str, Any]]:
    """Ratios, repeat by repeat: the median of the paired ratios, and their range."""
    ours, *others = results.servers
    stages = [Stage(clients=clients) for clients in settings.clients]
    pairs = [*_throughput_pairs(results, ours, others, stages), *_wait_pairs(results, ours, others, stages[0])]
    made = []
    for what, measure, clients, against, above, below in pairs:
        ratios = [a / b for a, b in zip(above, below, strict=False) if b and math.isfinite(a / b)]
        if ratios:
            about = {"what": what, "measure": measure, "clients": clients, "against": against}
            made.append({**about, **(spread(ratios) or {})})
    return made


Pair = tuple[str, str, int | None, str, Sequence[float], Sequence[float]]
"""What is compared in words; measure, clients and other side for programs; our repeats and the other's."""


def _throughput_pairs(results: Results, ours: str, others: Sequence[str], stages: Sequence[Stage]) -> Iterator[Pair]:
    for stage in stages:
        own, title = results.throughputs(ours, stage), stage.load(0).title
        for other in others:
            below = results.throughputs(other, stage)
            yield f"throughput with {title}, against {other}", "throughput", stage.clients, other, own, below
    for stage in stages:
        own, below = results.throughputs(ours, stage), results.ceilings.get(stage, [])
        yield f"throughput with {stage.load(0).title}, of the ceiling", "throughput", stage.clients, CEILING, own, below
    for fewer, more in itertools.pairwise(stages):
        own, below = results.throughputs(ours, more), results.throughputs(ours, fewer)
        what = f"throughput with {more.load(0).title}, against {fewer.load(0).title}"
        yield what, "throughput", more.clients, fewer.load(0).title, own, below


def _wait_pairs(results: Results, ours: str, others: Sequence[str], alone: Stage) -> Iterator[Pair]:
    own = [window.measurement.p99 for window in results.windows.get((ours, alone), [])]
    for other in others:
        below = [window.measurement.p50 for window in results.windows.get((other, alone), [])]
        what = f"p99 with {alone.load(0).title}, against the p50 of {other}"
        yield what, "p99 against p50", alone.clients, other, own, below
        starts = results.starts.get(ours, []), results.starts.get(other, [])
        yield f"start to first right answer, against {other}", "start", None, other, *starts


def headline(settings: LoadSettings) -> int:
    """The number of clients that the summary speaks of: the middle one."""
    return settings.clients[len(settings.clients) // 2]


def sentence(results: Results, settings: LoadSettings, made: dict[str, Any]) -> str:
    """The result in one sentence."""
    clients = headline(settings)
    ours = results.servers[0]
    found = next(row for row in made["loads"] if row["server"] == ours and row["clients"] == clients)
    throughput, p99 = found["throughput"], found["latency_ms"]["p99"]["value"]
    title = Stage(clients=clients).load(0).title
    if not found["answers"]:
        return f"With {title}, {made['model']} gave no right answer: {_errors(found['errors'])}."
    said = (
        f"With {title}, {made['model']} answers {figure(throughput['value'])} pictures a second "
        f"({figure(throughput['low'])}–{figure(throughput['high'])}), 99 % of them within {figure(p99)} ms, "
        f"{_errors(found['errors'])}"
    )
    ratios = [row for row in made["comparisons"] if row["measure"] == "throughput" and row["clients"] == clients]
    against = [f"{figure(row['value'])} times {row['against']}" for row in ratios if row["against"] in results.servers]
    of_ceiling = [f"{row['value']:.0%} of what the plain processes do" for row in ratios if row["against"] == CEILING]
    *most, last = [*against, *of_ceiling] or [""]
    beside = f"{', '.join(most)} and {last}" if most else last
    return f"{said}; that is {beside}." if beside else f"{said}."


def _errors(errors: dict[str, int]) -> str:
    if not errors:
        return "no errors"
    return f"{sum(errors.values())} errors ({', '.join(f'{times} × {kind}' for kind, times in errors.items())})"
