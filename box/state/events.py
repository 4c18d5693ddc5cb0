"""What the program says: JSON lines on stdout for the workstation, words on stderr for people, and the latest
activation's events on the disk, where whoever lost the connection finds them again.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from common import durable, json_lines
from common.errors import KitError

Event = dict[str, Any]


def emit(event: Event) -> None:
    print(json.dumps(event, ensure_ascii=False), flush=True)


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


class Journal:
    """The events of one activation, in activation.jsonl. A disk that is full does not stop the way back."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, **facts: Any) -> None:
        """Raises OSError: an activation that cannot be followed is not begun."""
        durable.write(self.path, (json.dumps({"event": "begin", "at": _now(), **facts}) + "\n").encode())

    def step(self, name: str, detail: str, **facts: Any) -> None:
        self._add({"event": "step", "step": name, "at": _now(), "detail": detail, **facts})

    def result(self, **facts: Any) -> Event:
        return self._add({"event": "result", "at": _now(), **facts})

    def end(self, **facts: Any) -> None:
        """How a release that had passed its gate came out in the end."""
        self._add({"event": "end", "at": _now(), **facts})

    def _add(self, event: Event) -> Event:
        try:
            json_lines.append(self.path, event)
        except KitError as error:
            say(f"{error.message}: {event}")
        return event


def _now() -> float:
    return round(time.time(), 3)
