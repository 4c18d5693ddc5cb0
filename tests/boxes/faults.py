"""The table of faults tried: what was done to the boxes, what came of it, what each runs afterwards."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kit.build import PROJECT

FOLDER = PROJECT / "build" / "boxes"
STEPS = "steps.json"
TABLE = "faults.md"
WIDEST = 170  # characters of what came of a fault: errors can be long


@dataclass
class Fault:
    """`after`: the release each box says it runs, and answers with, at the end."""

    what: str
    came: str = ""
    seconds: float = 0.0
    after: dict[str, str] = field(default_factory=dict)


@dataclass
class Record:
    """`names` are short names of releases, for people; `steps` seconds of each step of each box's turn."""

    faults: list[Fault] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        for fault in self.faults:
            after = ", ".join(f"{box} {self.names.get(release, release)}" for box, release in fault.after.items())
            yield fault.what, textwrap.shorten(fault.came, WIDEST, placeholder=" …"), after, f"{fault.seconds:.0f} s"

    def table(self) -> str:
        """Markdown, in columns that a terminal shows aligned."""
        rows = [("fault", "what came of it", "answers afterwards", "took"), *self.rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + " |"
            for row in rows
        ]
        rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        return "\n".join([lines[0], rule, *lines[1:]])

    def save(self) -> None:
        """Beside the kit's other output, for whoever reads it after the run."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / TABLE).write_text(self.table() + "\n", encoding="utf-8")
        (FOLDER / STEPS).write_text(json.dumps(self.steps, indent=1) + "\n", encoding="utf-8")

    def keep_steps(self, boxes: Iterable[dict[str, Any]]) -> None:
        """Of a roll-out's document: how long each step took, and what kind of roll-out it was."""
        for box in boxes:
            kept = {key: box[key] for key in ("kind", "how", "bytes", "downtime_seconds")}
            self.steps.append(kept | {"steps": {name: round(took, 3) for name, took in box["steps"].items()}})
