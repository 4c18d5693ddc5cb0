"""The desk's history of a fleet, build/fleet/<fleet>/history.jsonl: one JSON object a line, appended, never rewritten.

A run writes two: `begun` (who, when, what) and `ended` (the result for each box). One with no end was killed.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.files import read_json_lines

HISTORY = "history.jsonl"
KILLED = "no end: killed, or still under way"


@dataclass(frozen=True)
class Run:
    """One line of what people read."""

    id: str
    at: str
    who: str
    what: str
    release: str
    result: str


def append(folder: Path, event: str, **fields: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> list[dict[str, Any]]:
    """All entries, oldest first."""
    return read_json_lines(folder / HISTORY)


def runs(folder: Path) -> list[Run]:
    """The runs, oldest first."""
    entries = read(folder)
    ends = {entry["id"]: entry for entry in entries if entry["event"] == "ended"}
    return [
        Run(
            id=entry["id"],
            at=entry["at"],
            who=entry["owner"].rpartition(":")[0],
            what=entry["what"],
            release=", ".join(entry["releases"]) or "each box's previous",
            result=ends[entry["id"]]["result"] if entry["id"] in ends else KILLED,
        )
        for entry in entries
        if entry["event"] == "begun"
    ]
