"""Who did what when, and how it came out: history.jsonl, which is only ever added to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from box.state.events import Event, say
from common import json_lines
from common.errors import KitError
from common.manifest import is_name

CONFIRMED = "confirmed"


def record(path: Path, what: str, release: str | None, owner: str, ok: bool, **facts: Any) -> None:
    entry = {"at": round(time.time(), 3), "who": owner, "what": what, "release": release, "ok": ok, **facts}
    try:
        json_lines.append(path, entry)
    except KitError as error:
        say(f"{error.message}: {entry}")


def last(path: Path, count: int) -> list[Event]:
    return json_lines.read(path)[-count:]


def unreadable(path: Path) -> int:
    """How many lines are no entries."""
    try:
        return len([line for line in path.read_bytes().splitlines() if line.strip()]) - len(json_lines.read(path))
    except OSError:
        return 0


def confirmed_releases(path: Path) -> list[str]:
    """Every release that was confirmed here, the latest first, each once."""
    names = [entry.get("release") for entry in json_lines.read(path) if entry.get("what") == CONFIRMED]
    return list(dict.fromkeys(str(name) for name in reversed(names) if is_name(name)))
