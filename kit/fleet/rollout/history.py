"""The workstation's history of a fleet, build/fleet/<fleet>/history.jsonl: one JSON object a line, appended, never
rewritten.

A run writes two: `begun` (who, when, what) and `ended` (the result for each box). One with no end was killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import json_lines
from kit.fleet.ssh.words import texts

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
    json_lines.append(folder / HISTORY, {"event": event, **fields})


def read(folder: Path) -> list[dict[str, Any]]:
    """All entries, oldest first."""
    return json_lines.read(folder / HISTORY)


def runs(folder: Path) -> list[Run]:
    """The runs, oldest first. Of an entry that is noise in part, what can be read."""
    entries = read(folder)
    ends = {str(entry.get("id")): entry for entry in entries if entry.get("event") == "ended"}
    return [
        Run(
            id=str(entry.get("id")),
            at=str(entry.get("at")),
            who=str(entry.get("owner")).rpartition(":")[0],
            what=str(entry.get("what")),
            release=", ".join(texts(entry.get("releases"))) or "each box's previous",
            result=str(ends.get(str(entry.get("id")), {}).get("result", KILLED)),
        )
        for entry in entries
        if entry.get("event") == "begun"
    ]
