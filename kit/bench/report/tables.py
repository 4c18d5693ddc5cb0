"""A run's tables, from its JSON document: the same for the terminal and for the HTML report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Spread = dict[str, float | None]


@dataclass(frozen=True)
class Table:
    """Cells are text; the first column names the row, the others hold figures. `notes` stand beneath."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def tables(document: dict[str, Any]) -> list[Table]:
    made = [loads(document, server["name"]) for server in document["servers"]]
    made += [memory(document), starts(document), ratios(document)]
    return [table for table in made if table.rows]


def loads(document: dict[str, Any], server: str) -> Table:
    """What a server did under each load."""
    rows, notes = [], []
    for row in document["loads"]:
        if row["server"] != server:
            continue
        errors = sum(row["errors"].values())
        latencies = [row["latency_ms"][name] for name in ("p50", "p95", "p99", "p99.9")]
        rows.append(
            [
                row["load"],
                with_noise(row["throughput"]),
                *(with_noise(found) if name == 2 else figure(found["value"]) for name, found in enumerate(latencies)),
                str(errors),
                figure(row["cores"]["value"]) if row["cores"] else "?",
                f"{row['generator_core_percent']['value']:.1f} %",
            ]
        )
        if errors:
            kinds = ", ".join(f"{times} × {kind}" for kind, times in row["errors"].items())
            notes.append(f"{row['load']}: {kinds}")
    columns = ["load", "answers/s", "p50 ms", "p95", "p99", "p99.9", "errors", "cores", "generator"]
    return Table(server, columns, rows, notes)


def memory(document: dict[str, Any]) -> Table:
    """Each process's proportional share."""
    rows = []
    for server in document["servers"]:
        shares = server["processes"]
        if not shares:
            continue
        of_kind = {
            kind: [share["memory_bytes"] for share in shares if share["kind"] == kind]
            for kind in ("Java", "shared", "worker")
        }
        each = " + ".join(megabytes(size) for size in of_kind["worker"])
        java, shared = (megabytes(sum(of_kind[kind])) for kind in ("Java", "shared"))
        rows.append([server["name"], java, shared, each, megabytes(sum(share["memory_bytes"] for share in shares))])
    return Table("memory (PSS), MB", ["server", "Java", "shared", "workers", "all"], rows)


def starts(document: dict[str, Any]) -> Table:
    rows = [
        [server["name"], f"{figure(found['value'])} s", interval(found)]
        for server in document["servers"]
        if (found := server["start_seconds"])
    ]
    return Table("start to first right answer, every worker ready", ["server", "median", "range"], rows)


def ratios(document: dict[str, Any]) -> Table:
    rows = [[row["what"], f"{figure(row['value'])} ×", interval(row)] for row in document["comparisons"]]
    if found := document["ceiling"]:
        rows.insert(0, ["the ceiling: plain processes, answers/s", figure(found["value"]), interval(found)])
    return Table("compared, repeat by repeat", ["what", "median", "range"], rows)


def figure(value: float | None) -> str:
    """Three significant digits, no exponent."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def with_noise(found: Spread) -> str:
    """`112 ±2%`: half the range over the repeats."""
    value, low, high = found["value"], found["low"], found["high"]
    if not value or low is None or high is None:
        return figure(value)
    return f"{figure(value)} ±{(high - low) / 2 / value:.0%}"


def interval(found: Spread) -> str:
    return f"{figure(found['low'])} – {figure(found['high'])}"


def megabytes(size: int) -> str:
    return f"{size / (1 << 20):,.0f}"
