"""A roll-out written down as it happens, so that one whose desk died can be gone on with, or taken back.

build/fleet/<fleet>/rollout.jsonl: one JSON object a line, on the disk before the next step is taken:

    start    what is deployed, by whom, from which bundles
    before   a box is about to be switched, and what it had
    box      what came of a job on a box
    end      the verdict
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.files import read_json_lines

ROLLOUT = "rollout.jsonl"


@dataclass(frozen=True)
class Record:
    """What a roll-out's file says. `before`: what each box that was switched, and not taken back, had at first."""

    start: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""

    @property
    def releases(self) -> list[str]:
        return list(self.start["releases"])

    @property
    def bundles(self) -> list[str]:
        return list(self.start["bundles"])


class Journal:
    """Appends to one roll-out's file. Its methods may be called from any thread."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a", encoding="utf-8")

    def write(self, event: str, **fields: Any) -> None:
        with self._lock:
            self._file.write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *failure: object) -> None:
        self._file.close()


def read(file: Path) -> Record:
    """The last roll-out's record; an empty one when there is none. A torn last line is left out."""
    start: dict[str, Any] = {}
    before: dict[str, str] = {}
    verdict = ""
    for event in read_json_lines(file):
        if event["event"] == "start":
            start = event
        elif event["event"] == "before":
            before.setdefault(event["box"], event["release"])
        elif event["event"] == "box" and event.get("kind") == "taken back":
            before.pop(event["box"], None)
        elif event["event"] == "end":
            verdict = event["verdict"]
    return Record(start, before, verdict)
