"""The simulation's table and picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from benchmarks.fleet_scale.world import Result
from kit.files import replacing

COLUMNS = (
    "boxes",
    "at once",
    "wall time",
    "boxes/h",
    "workstation CPU",
    "of its cores",
    "engine",
    "memory",
    "uplink",
    "ends",
)
INK = ("#1f6f8b", "#d1495b", "#edae49", "#3d5a40")


def rows(results: Iterable[Result]) -> list[tuple[str, ...]]:
    return [
        (
            f"{result.scenario.boxes:,}",
            f"{result.busiest:,}",
            clock(result.wall),
            f"{result.scenario.boxes / result.wall * 3600:,.0f}",
            clock(result.cpu),
            f"{result.cpu_share:.0%}",
            f"{result.engine:.2f} s",
            f"{result.memory / 1e6:,.0f} MB",
            f"{result.link_share:.0%}",
            result.verdict.value,
        )
        for result in results
    ]


def markdown(results: Sequence[Result]) -> str:
    lines = [COLUMNS, (*("---:" for _ in COLUMNS[:-1]), "---"), *rows(results)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def clock(seconds: float) -> str:
    """1 h 02 min, 3 min 20 s, 42.1 s."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min {rest:02} s"


def draw(results: Sequence[Result], file: Path) -> None:
    """Wall time, and the share of the workstation's cores, against fleet size; a line for each number of boxes at
    once."""
    with matplotlib.rc_context({"svg.hashsalt": "fleet", "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=(9, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        for colour, parallel in zip(INK, sorted({result.scenario.parallel for result in results}), strict=False):
            chosen = [result for result in results if result.scenario.parallel == parallel]
            sizes = [result.scenario.boxes for result in chosen]
            style = {"marker": "o", "color": colour, "label": f"parallel: {parallel}", "markersize": 4}
            left.plot(sizes, [result.wall / 3600 for result in chosen], **style)
            right.plot(sizes, [100 * result.cpu_share for result in chosen], **style)
        left.set(xscale="log", yscale="log", xlabel="boxes", ylabel="hours", title="Wall time of a roll-out")
        right.set(
            xscale="log", xlabel="boxes", ylabel="% of the workstation's cores", title="What it asks of the workstation"
        )
        right.set_ylim(0, 105)
        right.axhline(100, color="#999999", linewidth=1, linestyle="--")
        for axes in (left, right):
            axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
            axes.spines[["top", "right"]].set_visible(False)
        left.legend(frameon=False)
        with replacing(file) as temporary:
            figure.savefig(temporary, format=file.suffix.lstrip("."), metadata={"Date": None})
