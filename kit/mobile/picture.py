"""All files side by side as a picture: accuracy, agreement, size, latency."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind people tell apart too; one for each precision, as in `make precisions`.
COLOURS = {"fp32": "#000000", "int8": "#D55E00"}
GATE = "#B00020"


def draw(rows: Sequence[dict[str, Any]], allowed_drop: float, min_agreement: float, path: Path) -> None:
    """A PNG at `path`; `rows` as in comparison.json."""
    labelled = all(row["accuracy"] is not None for row in rows)
    figure = Figure(figsize=(11, 1.5 + 0.34 * len(rows)), dpi=150, layout="constrained")
    panels = list(figure.subplots(1, 4 if labelled else 3, sharey=True))
    if labelled:
        accuracies = [100 * row["accuracy"] for row in rows]
        least = 100 * rows[0]["original_accuracy"] - allowed_drop
        _dots(panels[0], rows, accuracies, f"top-1 on {rows[0]['pictures']} pictures, %", least)
    agreements = [100 * row["agreement"] for row in rows]
    _dots(panels[-3], rows, agreements, "same first answer as the original, %", min_agreement)
    sizes = [row["size"] / 1e6 for row in rows]
    _bars(panels[-2], rows, sizes, sizes, "file, MB", "{:.1f}")
    latencies, ranges = [row["latency"]["median"] for row in rows], [row["latency"]["high"] for row in rows]
    _bars(panels[-1], rows, latencies, ranges, "latency here, ms, one thread\n(line: the repeats' range)", "{:.0f}")
    for index, row in enumerate(rows):
        panels[-1].plot([row["latency"]["low"], row["latency"]["high"]], [index, index], color="#7f7f7f", linewidth=1.5)
    panels[0].set_yticks(range(len(rows)), [f"{row['format']} {row['precision']} {row['input']}" for row in rows])
    panels[0].invert_yaxis()
    for panel in panels:
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="x", color="#e6e8eb")
        panel.set_axisbelow(True)
    figure.suptitle("The same checkpoint in each format for phones", x=0.01, ha="left", fontweight="bold")
    figure.savefig(path, format="png", metadata={"Software": None})


def _dots(panel: Axes, rows: Sequence[dict[str, Any]], values: Sequence[float], title: str, least: float) -> None:
    """Figures near each other, with the least that the gate lets through for int8."""
    left, right = min(*values, least) - 0.5, max(values) + 0.9
    panel.set_xlim(left, right)
    panel.axvspan(left, least, color=GATE, alpha=0.07, linewidth=0)
    panel.axvline(least, color=GATE, linestyle="--", linewidth=1)
    for index, (row, value) in enumerate(zip(rows, values, strict=True)):
        panel.scatter(value, index, s=50, color=COLOURS[row["precision"]], zorder=3)
        panel.annotate(f"{value:.1f}", (value, index), (7, 0), textcoords="offset points", va="center", fontsize=8)
    panel.set_xlabel(f"{title}\n(dashed: the gate, {least:.1f})", fontsize=9)


def _bars(
    panel: Axes, rows: Sequence[dict[str, Any]], values: Sequence[float], ends: Sequence[float], title: str, shown: str
) -> None:
    """Each figure beside its bar, right of `ends`."""
    panel.barh(range(len(rows)), values, height=0.6, color=[COLOURS[row["precision"]] for row in rows], alpha=0.85)
    for index, (value, end) in enumerate(zip(values, ends, strict=True)):
        words = shown.format(value)
        panel.annotate(words, (end, index), (4, 0), textcoords="offset points", va="center", fontsize=8)
    panel.set_xlim(0, 1.2 * max(ends))
    panel.set_xlabel(title, fontsize=9)
