"""A roll-out written down as it happens, so that one whose workstation died can be gone on with, or taken back.

build/fleet/<fleet>/rollout.jsonl: one JSON object a line, on the disk before the next step is taken:

    start    what is deployed, by whom, from which bundles
    before   a box is about to be switched, and what it had
    box      what came of a job on a box
    soak     which boxes were compared after a wave, and how they differ
    end      the verdict
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from common import json_lines
from kit.fleet.ssh.words import texts

ROLLOUT = "rollout.jsonl"


@dataclass(frozen=True)
class Record:
    """What a roll-out's file says. `before`: what each box that was switched, and not taken back, had at first."""

    start: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""

    @property
    def releases(self) -> list[str]:
        return texts(self.start.get("releases"))

    @property
    def began(self) -> float:
        """s since 1970; 0 where it does not say."""
        try:
            return datetime.strptime(str(self.start.get("at")), "%Y-%m-%dT%H:%M:%S%z").timestamp()
        except ValueError:
            return 0.0

    @property
    def bundles(self) -> list[str]:
        return texts(self.start.get("bundles"))


class Journal:
    """Appends to one roll-out's file. Its methods may be called from any thread."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._file = file

    def write(self, event: str, **fields: Any) -> None:
        with self._lock:
            json_lines.append(self._file, {"event": event, **fields})


def read(file: Path) -> Record:
    """The last roll-out's record; an empty one when there is none. What is torn or noise is left out."""
    start: dict[str, Any] = {}
    before: dict[str, str] = {}
    verdict = ""
    for event in json_lines.read(file):
        box, release = event.get("box"), event.get("release")
        if event.get("event") == "start":
            start = event
        elif event.get("event") == "before" and isinstance(box, str) and isinstance(release, str):
            before.setdefault(box, release)
        elif event.get("event") == "box" and event.get("kind") == "taken back":
            before.pop(str(box), None)
        elif event.get("event") == "end":
            verdict = str(event.get("verdict"))
    return Record(start, before, verdict)
