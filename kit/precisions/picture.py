"""The comparison as a picture: accuracy against speed, and what the gate allows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind people tell apart too.
COLOURS = {"fp32": "#000000", "bf16": "#0072B2", "fp16": "#009E73", "int8": "#D55E00"}
GATE = "#B00020"
ROOM = 1.5  # points above and below what is shown


def draw(document: dict[str, Any], allowed_drop: float, min_agreement: float, path: Path) -> None:
    """A PNG at `path`. Accuracy where there are labels, agreement with fp32 where there are none."""
    rows = [row for row in document["precisions"] if not row["left_out"]]
    labelled = all(row["accuracy"] is not None for row in rows)
    values = [100 * row["accuracy" if labelled else "agreement"] for row in rows]
    reference = next((value for row, value in zip(rows, values, strict=True) if row["precision"] == "fp32"), None)
    least = min_agreement
    if labelled:
        least = (max(values) if reference is None else reference) - allowed_drop
    figure = Figure(figsize=(8, 4.8), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.axhspan(min(*values, least) - 10, least, color=GATE, alpha=0.07, linewidth=0)
    axes.axhline(least, color=GATE, linestyle="--", linewidth=1)
    _points(axes, rows, values)
    right = 1.3 * max(row["images_per_second"]["high"] for row in rows)
    axes.set_xlim(0, right)
    axes.set_ylim(min(*values, least) - ROOM, max(values) + ROOM)
    words = f"the gate: fp32 less {allowed_drop:g}" if labelled else f"the gate: {min_agreement:g}"
    axes.annotate(words, (right, least), (-4, -4), textcoords="offset points", ha="right", va="top", color=GATE)
    axes.set_xlabel(f"images/s, model alone, {document['processes']} single-thread processes (bar: the repeats' range)")
    pictures = rows[0]["pictures"]
    axes.set_ylabel(f"{'top-1 accuracy' if labelled else 'same first answer as fp32'} on {pictures} pictures, %")
    axes.set_title("Accuracy against speed, by precision", loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e8eb")
    axes.set_axisbelow(True)
    figure.savefig(path, format="png", metadata={"Software": None})


def _points(axes: Axes, rows: Sequence[dict[str, Any]], values: Sequence[float]) -> None:
    for index, (row, value) in enumerate(zip(rows, values, strict=True)):
        speed, colour = row["images_per_second"], COLOURS[row["precision"]]
        axes.plot([speed["low"], speed["high"]], [value, value], color=colour, linewidth=2, alpha=0.5)
        axes.scatter(speed["median"], value, s=70, color=colour, edgecolor="white", zorder=3)
        words = f"{row['precision']}\n{row['latency']['median']:.1f} ms"
        above = index % 2 == 0  # neighbours may be near
        axes.annotate(
            words,
            (speed["median"], value),
            (0, 8 if above else -8),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            color=colour,
        )
