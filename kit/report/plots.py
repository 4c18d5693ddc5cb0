"""One server's lines over time, as SVG that stands in an HTML page."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from common.watch.record.reading import Event
from common.watch.watcher import ALERT_ENDED, SETTLED, STARTED, STOPPED, SWITCHED
from kit.bench.report.plots import STYLE as BENCH_STYLE

BLUE, ORANGE, RED, GREY, GREEN, PURPLE = "#1b6ca8", "#d1742f", "#b3261e", "#8a8d91", "#3f9b5d", "#7b5fb0"
SHARES = ("#1b6ca8", "#d1742f", "#3f9b5d", "#7b5fb0", "#c9a227", "#c94f4f", "#4bb0b5", "#b8bcc1")
STYLE = {**BENCH_STYLE, "svg.hashsalt": "report", "grid.color": "#eceef0", "legend.fontsize": 8.5}
MARKS = {
    SWITCHED: (BLUE, "-"),
    STARTED: (GREY, ":"),
    STOPPED: (GREY, ":"),
    SETTLED: (RED, ":"),
    ALERT_ENDED: (RED, ":"),
}
MOST_LABELS, MOST_DRIFTS = 7, 3
Rows = Sequence[dict[str, Any]]


def panels(rows: Rows, events: Sequence[Event], step: int) -> list[str]:
    """SVG elements; `rows` as figures.lines has them, one for each `step` seconds. Only of what was recorded."""
    wanted: list[Callable[[Axes], bool]] = [
        lambda axes: _traffic(axes, rows, step),
        lambda axes: _latency(axes, rows),
        lambda axes: _labels(axes, rows),
        lambda axes: _band(axes, rows, "confidence", "Confidence of the first answer", PURPLE, (0, 1)),
        lambda axes: _band(axes, rows, "brightness", "Brightness of the pictures", ORANGE, (0, 1)),
        lambda axes: _band(axes, rows, "sharpness", "Sharpness of the pictures", GREEN, (0, None)),
        lambda axes: _drift(axes, rows),
        lambda axes: _memory(axes, rows),
        lambda axes: _temperature(axes, rows),
    ]
    return [svg for paint in wanted if (svg := _draw(paint, rows, events, named=paint is wanted[0]))]


def _draw(paint: Callable[[Axes], bool], rows: Rows, events: Sequence[Event], named: bool) -> str:
    """ "" where nothing was recorded of it."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 2.7), layout="constrained")
        axes = figure.add_subplot()
        if not paint(axes):
            return ""
        _mark(axes, rows, events, named)
        axes.set_xlim(_time(rows[0]["at"]), _time(rows[-1]["at"]))
        locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.grid(axis="x", visible=False)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None}, transparent=True)
    text = written.getvalue()
    return text[text.index("<svg") :]


def _traffic(axes: Axes, rows: Rows, step: int) -> bool:
    kinds = {"answered": BLUE, "refused": "#c9a227", "busy": ORANGE, "failed": RED}
    counts = [[60 * (row.get(kind) or 0) / step for row in rows] for kind in kinds]
    shown = {kind: values for kind, values in zip(kinds, counts, strict=True) if any(values)}
    if not shown:
        return False
    axes.stackplot(_times(rows), *shown.values(), colors=[kinds[kind] for kind in shown], labels=list(shown), lw=0)
    axes.set_title("Requests a minute")
    axes.set_ylim(bottom=0)
    if len(shown) > 1:
        _legend(axes)
    return True


def _latency(axes: Axes, rows: Rows) -> bool:
    for name, colour in (("p99", ORANGE), ("p95", GREEN), ("p50", BLUE)):
        _line(axes, rows, f"{name}_ms", colour, name)
    axes.set_title("Latency, ms")
    axes.set_ylim(bottom=0)
    _legend(axes)
    return any(row.get("p50_ms") is not None for row in rows)


def _labels(axes: Axes, rows: Rows) -> bool:
    total: dict[str, int] = {}
    for row in rows:
        for label, count in row.get("labels", {}).items():
            total[label] = total.get(label, 0) + count
    most = sorted(total, key=lambda label: -total[label])[:MOST_LABELS]
    shares = [[_share(row, [label]) for row in rows] for label in most]
    named = list(most)
    if len(total) > len(most):
        others = [label for label in total if label not in most]
        shares, named = [*shares, [_share(row, others) for row in rows]], [*most, f"{len(others)} others"]
    if not total:
        return False
    axes.stackplot(_times(rows), *shares, colors=SHARES, labels=named, lw=0, alpha=0.9)
    axes.set_title("First answers, share")
    axes.set_ylim(0, 1)
    axes.figure.legend(loc="outside right center")
    return True


def _share(row: dict[str, Any], labels: Sequence[str]) -> float:
    counted = row.get("labels", {})
    total = sum(counted.values())
    return sum(counted.get(label, 0) for label in labels) / total if total else math.nan


def _band(axes: Axes, rows: Rows, key: str, title: str, colour: str, limits: tuple[float, float | None]) -> bool:
    """The median, and between which values eight of ten lie."""
    low, high = (_values(rows, f"{key}_{name}") for name in ("p10", "p90"))
    axes.fill_between(_times(rows), low, high, color=colour, alpha=0.18, lw=0, label="8 of 10")
    _line(axes, rows, f"{key}_p50", colour, "median")
    axes.set_title(title)
    axes.set_ylim(*limits)
    _legend(axes)
    return any(row.get(f"{key}_p50") is not None for row in rows)


def _drift(axes: Axes, rows: Rows) -> bool:
    """Each statistic by its threshold; those that were above it, by name."""
    keys = list(dict.fromkeys(key for row in rows for key in row.get("drift", {})))
    lines = {key: [row.get("drift", {}).get(key, math.nan) for row in rows] for key in keys}
    most = {key: max(value for value in values if not math.isnan(value)) for key, values in lines.items()}
    above = sorted((key for key in keys if most[key] > 1), key=lambda key: -most[key])
    for key in keys:
        if key in above[:MOST_DRIFTS]:
            axes.plot(_times(rows), lines[key], color=SHARES[above.index(key)], lw=1.4, label=key, marker=".")
        else:
            axes.plot(_times(rows), lines[key], color=GREY, lw=0.8, alpha=0.7)
    axes.axhline(1, color=RED, lw=1, ls="--")
    axes.set_title("Drift, by threshold")
    axes.set_ylim(bottom=0)
    if above:
        _legend(axes)
    return bool(keys)


def _memory(axes: Axes, rows: Rows) -> bool:
    for key, name, colour in (
        ("server_memory_mb", "server", BLUE),
        ("memory_available_mb", "free on the machine", GREY),
    ):
        _line(axes, rows, key, colour, name)
    axes.set_title("Memory, MB")
    axes.set_ylim(bottom=0)
    _legend(axes)
    return any(row.get("server_memory_mb") is not None for row in rows)


def _temperature(axes: Axes, rows: Rows) -> bool:
    _line(axes, rows, "temperature_c", RED, "")
    slow = [bool(row.get("throttled") or row.get("undervolted")) for row in rows]
    axes.fill_between(_times(rows), 0, 1, where=slow, transform=axes.get_xaxis_transform(), color=RED, alpha=0.12, lw=0)
    axes.set_title("Temperature, °C" + (" (shaded: the board slowed down)" if any(slow) else ""))
    return any(row.get("temperature_c") is not None for row in rows)


def _legend(axes: Axes) -> None:
    """Beside the title, where no line runs."""
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1, ncols=4)


def _mark(axes: Axes, rows: Rows, events: Sequence[Event], named: bool) -> None:
    """Releases and starts, and where workers died; `named`: with the releases' names."""
    for event in events:
        colour, style = MARKS.get(event.what, (RED, "-"))
        axes.axvline(_time(event.at), color=colour, ls=style, lw=1, alpha=0.8)
        if event.what == SWITCHED and named:
            place: dict[str, Any] = {"xytext": (3, -2), "textcoords": "offset points", "va": "top", "rotation": 90}
            at = (_time(event.at), axes.get_ylim()[1])
            axes.annotate(event.detail, at, fontsize=7.5, color=colour, **place)
    for row in rows:
        if row.get("worker_deaths"):
            axes.plot(_time(row["at"]), 0, "v", color=RED, ms=6, clip_on=False, transform=axes.get_xaxis_transform())


def _line(axes: Axes, rows: Rows, key: str, colour: str, label: str) -> None:
    """With a dot for each figure where they are few: a line through one point is none."""
    few = sum(row.get(key) is not None for row in rows) < 40
    axes.plot(_times(rows), _values(rows, key), color=colour, lw=1.4, label=label, marker="." if few else "")


def _values(rows: Rows, key: str) -> list[float]:
    return [math.nan if row.get(key) is None else float(row[key]) for row in rows]


def _times(rows: Rows) -> list[float]:
    return [_time(row["at"]) for row in rows]


def _time(at: float) -> float:
    """As matplotlib counts: days since 1970, UTC as all logs are."""
    return at / 86400
