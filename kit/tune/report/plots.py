"""Pictures of a search: where each configuration came out, and how the search went on."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kit.tune.report.conclusion import Conclusion
from kit.tune.search.candidate import Candidate, Outcome, Result
from kit.tune.search.objective import Goal

# Okabe and Ito's colours, which colour-blind people tell apart too.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
LIMIT = "#D55E00"
AXIS_LABELS = {"throughput": "images/s", "latency": "p99 latency, ms", "memory": "memory, MB"}


def landscape(conclusion: Conclusion) -> Figure:
    """Throughput against p99 latency; colour is the precision, size the number of workers."""
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    shown = [result for result in conclusion.ranked if not result.failure]
    precisions = sorted({result.candidate.precision for result in shown})
    for colour, precision in zip(COLOURS * len(precisions), precisions, strict=False):
        these = [result for result in shown if result.candidate.precision == precision]
        axes.scatter(
            [result.p99 for result in these],
            [result.throughput for result in these],
            s=[30 + 25 * result.candidate.workers for result in these],
            color=colour,
            alpha=0.75,
            edgecolor="white",
            label=precision,
        )
    if conclusion.goal.p99_limit:
        axes.axvline(conclusion.goal.p99_limit, color=LIMIT, linestyle="--", linewidth=1, label="p99 limit")
    best = "best" if conclusion.feasible else "nearest"
    for name, result in (("default", conclusion.default), (best, conclusion.chosen)):
        if not result.failure and (name == best or result != conclusion.chosen):
            at = (result.p99, result.throughput)
            axes.scatter(*at, s=300, facecolor="none", edgecolor="black")
            axes.annotate(name, at, xytext=(12, 0), textcoords="offset points", va="center")
    axes.set_xlabel("p99 latency, ms")
    axes.set_ylabel("images/s")
    axes.margins(0.12)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_title("Each configuration (larger: more workers)", loc="left", fontsize=11)
    axes.legend(frameon=False)
    _plain(axes)
    return figure


def course(history: Sequence[tuple[Candidate, Outcome]], goal: Goal) -> Figure:
    """Every measurement in the order they were made, and the best so far."""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    axes = figure.subplots()
    seen = [Result(candidate, (outcome,)) for candidate, outcome in history]
    best: list[Result] = []
    for result in seen:
        best.append(min([*best[-1:], result], key=goal.score))
    kept = [(index, result) for index, result in enumerate(seen, 1) if goal.score(result).feasible]
    missed = [(index, result) for index, result in enumerate(seen, 1) if not result.failure and goal.misses(result)]
    for points, colour, label in ((kept, COLOURS[0], "meets the limits"), (missed, LIMIT, "misses one")):
        if points:
            axes.scatter(
                [index for index, _ in points],
                [value(result, goal) for _, result in points],
                s=22,
                color=colour,
                label=label,
            )
    line = [value(result, goal) if goal.score(result).feasible else math.nan for result in best]
    axes.step(range(1, len(best) + 1), line, where="post", color="black", linewidth=1, label="best so far")
    axes.set_xlabel("measurement")
    axes.set_ylabel(AXIS_LABELS[goal.objective])
    axes.set_ylim(bottom=0)
    axes.set_title("How the search went on", loc="left", fontsize=11)
    axes.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
    _plain(axes)
    return figure


def value(result: Result, goal: Goal) -> float:
    if goal.objective == "throughput":
        return result.throughput
    return result.p99 if goal.objective == "latency" else result.memory / (1 << 20)


def png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=130)
    return content.getvalue()


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
