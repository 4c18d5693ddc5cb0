"""The figures as a page, with what they are held to. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

GOALS = {"ceiling": 0.85, "stock": 10.0}  # of the pipeline without a server, and times stock on the same GPU


def text(document: Mapping[str, Any]) -> str:
    facts = document["machine"]
    lines = ["# The embedded ResNet18 on this GPU", "", ", ".join(f"{name}: {value}" for name, value in facts.items())]
    for name, title, columns in (
        ("alone", "The model alone", ("way", "precision", "batch", "per_second", "ms")),
        ("pipeline", "Bytes to answers in one process", ("pipeline", "per_second")),
        ("served", "Served", ("server", "loop", "clients", "per_second", "p50_ms", "p99_ms", "errors")),
    ):
        if rows := document.get(name):
            lines += ["", f"## {title}", "", *table(rows, columns)]
    lines += ["", *(f"- {one}" for one in (*verdicts(document), *document["notes"]))]
    return "\n".join(lines) + "\n"


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return head + ["| " + " | ".join(shown(row.get(column)) for column in columns) + " |" for row in rows]


def shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
    return "" if value in (None, {}) else str(value)


def verdicts(document: Mapping[str, Any]) -> list[str]:
    """The served throughput, at its most, by the pipeline's and by stock's."""
    closed = [row for row in document.get("served") or () if row["loop"] == "closed"]
    best: dict[str, float] = {}
    for row in closed:
        best[row["server"]] = max(best.get(row["server"], 0.0), row["per_second"])
    ours = best.pop("this kit", 0.0)
    found = []
    # What decodes as the handler does is its ceiling; nvJPEG's is another pipeline.
    ceilings = [row["per_second"] for row in document.get("pipeline") or () if "threads" in row["pipeline"]]
    if ours and ceilings:
        found.append(_against("the pipeline without a server", ours / max(ceilings), GOALS["ceiling"]))
    if ours and best:
        found.append(_against("stock TorchServe at its best", ours / max(max(best.values()), 1e-9), GOALS["stock"]))
    return found


def _against(what: str, ratio: float, goal: float) -> str:
    return f"served: {ratio:.2f} of {what} (the goal is {goal:g}: {'reached' if ratio >= goal else 'NOT reached'})"
