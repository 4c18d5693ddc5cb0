"""A run's plots, from its JSON document, as SVG that stands in an HTML page."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

KINDS = {"Java": "#d1742f", "shared": "#8a8d91", "worker": "#1b6ca8"}  # a server's processes
COLOURS = ("#1b6ca8", "#d1742f", "#8a8d91", "#3f9b5d", "#9a5fb0", "#c94f4f")
TICKS = (0, 50, 90, 95, 99, 99.9, 99.99)
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and takes the page's typeface
    "svg.hashsalt": "bench",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9aa0a6",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "legend.frameon": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
}


def plots(document: dict[str, Any], clients: int) -> list[str]:
    """SVG elements. `clients` is the load under which servers are compared by latency."""
    ours = document["servers"][0]["name"]
    own = [row for row in document["loads"] if row["server"] == ours]
    same = [row for row in document["loads"] if row["clients"] == clients]
    drawn = [
        _draw(lambda axes: _throughput(axes, document)),
        _draw(lambda axes: _latencies(axes, own, "load", f"Latency of {ours}, by load")),
    ]
    if len(same) > 1:
        drawn.append(_draw(lambda axes: _latencies(axes, same, "server", f"Latency with {same[0]['load']}, by server")))
    if any(server["processes"] for server in document["servers"]):
        drawn.append(_draw(lambda axes: _memory(axes, document)))
    return drawn


def _draw(paint: Callable[[Axes], None]) -> str:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.0, 3.6), layout="constrained")
        paint(figure.add_subplot())
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None}, transparent=True)
    text = written.getvalue()
    return text[text.index("<svg") :]


def _throughput(axes: Axes, document: dict[str, Any]) -> None:
    clients = document["settings"]["clients"]
    servers = [server["name"] for server in document["servers"]]
    width = 0.8 / len(servers)
    for place, server in enumerate(servers):
        found = {row["clients"]: row["throughput"] for row in document["loads"] if row["server"] == server}
        shown = [(at, found[count]) for at, count in enumerate(clients) if count in found]
        middles = [at + (place - (len(servers) - 1) / 2) * width for at, _ in shown]
        values = [figure["value"] for _, figure in shown]
        noise = [[f["value"] - f["low"] for _, f in shown], [f["high"] - f["value"] for _, f in shown]]
        axes.bar(middles, values, width * 0.92, color=COLOURS[place % len(COLOURS)], label=server)
        axes.errorbar(middles, values, yerr=noise, fmt="none", ecolor="#33373c", elinewidth=1, capsize=2)
        for middle, (_, found_figure) in zip(middles, shown, strict=True):
            over: dict[str, Any] = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center", "fontsize": 9}
            axes.annotate(f"{found_figure['value']:.3g}", (middle, found_figure["high"]), **over)
    if ceiling := document["ceiling"]:
        axes.axhline(ceiling["value"], color="#33373c", linewidth=1, linestyle="--", label="plain processes")
    axes.set_xticks(range(len(clients)), [str(count) for count in clients])
    axes.set_xlabel("clients, closed loop")
    axes.set_title("Right answers a second")
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.15)
    axes.figure.legend(loc="outside lower center", ncols=3, fontsize=9)


def _latencies(axes: Axes, rows: list[dict[str, Any]], label: str, title: str) -> None:
    """Percentiles on an axis that gives each further nine the same room."""
    for place, row in enumerate(rows):
        if not row["curve"]:
            continue
        at = [_nines(percent) for percent, _ in row["curve"]]
        values = [value for _, value in row["curve"]]
        dashed = "--" if row["loop"] == "open" else "-"
        axes.plot(at, values, dashed, marker=".", color=COLOURS[place % len(COLOURS)], label=row[label])
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    axes.yaxis.set_minor_formatter(lambda value, _: "")
    axes.set_xticks([_nines(percent) for percent in TICKS], [f"{percent:g}" for percent in TICKS])
    reached = max((percent for row in rows for percent, _ in row["curve"]), default=99.0)
    axes.set_xlim(0, _nines(reached) * 1.03)
    axes.set_xlabel("percentile")
    axes.set_ylabel("ms")
    axes.set_title(title)
    if axes.lines:
        axes.legend(loc="best", fontsize=9)


def _nines(percent: float) -> float:
    return -math.log10(1 - percent / 100)


def _memory(axes: Axes, document: dict[str, Any]) -> None:
    servers = [server for server in document["servers"] if server["processes"]]
    for place, server in enumerate(servers):
        left = 0.0
        for share in sorted(server["processes"], key=lambda share: list(KINDS).index(share["kind"])):
            size = share["memory_bytes"] / (1 << 20)
            axes.barh(place, size, 0.6, left=left, color=KINDS[share["kind"]], edgecolor="white")
            axes.text(left + size / 2, place, f"{size:.0f}", ha="center", va="center", color="white", fontsize=9)
            left += size
    for kind, colour in KINDS.items():
        axes.barh(0, 0, color=colour, label=kind)
    axes.set_yticks(range(len(servers)), [server["name"] for server in servers])
    axes.invert_yaxis()
    axes.set_xlabel("MB (PSS)")
    axes.set_title("Memory, by process")
    axes.grid(axis="y", visible=False)
    axes.figure.legend(loc="outside lower center", ncols=3, fontsize=9)
