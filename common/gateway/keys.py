"""The keys that a gateway takes: a folder with a file for each, named for the key's SHA-256. The key itself is nowhere.

gateway/access.js looks there, so what is written here counts within a second and nothing is reloaded.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import durable
from common.errors import KitError, UsageError
from common.manifest import MODEL_NAME

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RATE = re.compile(r"(\d{1,9})/(s|m|h)")
SECONDS = {"s": 1, "m": 60, "h": 3600}
PREFIX = "vs_"  # so that a secret scanner, and a person, knows one
BYTES = 32
LAST_USED = "last-used.json"
OWN = "vision-serve"  # in the access log
Row = dict[str, Any]  # what a key's file holds: name, made, rate, and models where it is for some alone


@dataclass(frozen=True)
class Rate:
    """So many requests in each `seconds`."""

    count: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.count}/{next(unit for unit, seconds in SECONDS.items() if seconds == self.seconds)}"


@dataclass(frozen=True)
class Key:
    """What is known of a key. `made` and `used` are seconds since 1970; `used`, to the hour, is 0 for never. `models`:
    those that it may ask, none for all."""

    name: str
    made: float
    rate: Rate | None
    used: float
    file: Path
    models: Sequence[str] = ()


def rate(text: str) -> Rate | None:
    """`20/s`, `600/m` or `5000/h`; "" is no limit. Raises UsageError for other words."""
    if not text:
        return None
    found = RATE.fullmatch(text)
    if not found or not int(found[1]):
        raise UsageError(f"RATE={text} is not a rate", "write 20/s, 600/m or 5000/h")
    return Rate(int(found[1]), SECONDS[found[2]])


def models(text: str) -> list[str]:
    """`shelf,produce`; "" is all that there are. Raises UsageError for a word that is no model's name."""
    found = [word.strip() for word in text.split(",") if word.strip()]
    if wrong := next((word for word in found if not MODEL_NAME.fullmatch(word)), ""):
        raise UsageError(f"MODELS={text}: {wrong} is no model's name", "MODELS=shelf,produce")
    return found


def check_name(name: str) -> None:
    """Raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"NAME={name} is not a key's name", "letters, digits, dots, dashes and underscores, 64 at most: NAME=till-7"
        )


def read(folder: Path) -> list[Key]:
    """All keys, by name. A file that is none is passed over: the gateway does the same."""
    try:
        used = json.loads((folder / LAST_USED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        used = {}
    found = []
    for file in folder.glob("?*.json"):
        try:
            row = json.loads(file.read_text(encoding="utf-8"))
            limit = Rate(**row["rate"]) if row.get("rate") else None
            found.append(Key(row["name"], row["made"], limit, used.get(row["name"], 0), file, row.get("models") or ()))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return sorted(found, key=lambda key: key.name)


def add(folder: Path, name: str, limit: Rate | None, for_models: Sequence[str] = ()) -> str:
    """A new key's text, which is kept nowhere. Raises UsageError for a name, KitError for one that has a key."""
    if any(key.name == name for key in read(folder)):
        raise KitError(f"there is a key named {name} already", f"revoke it first: make key REVOKE={name}")
    text, row = new(name, limit, for_models)
    put(folder, sha256(text), row)
    return text


def new(name: str, limit: Rate | None, for_models: Sequence[str] = ()) -> tuple[str, Row]:
    """A key's text, and what is to be kept of it. Raises UsageError for a name that is none."""
    check_name(name)
    row: Row = {"name": name, "made": round(time.time()), "rate": vars(limit) if limit else None}
    return _text(), row | ({"models": list(for_models)} if for_models else {})


def _text() -> str:
    return PREFIX + secrets.token_urlsafe(BYTES)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def put(folder: Path, digest: str, row: Row) -> Path:
    """Nothing in the file opens anything, so that nginx's user may read it, too."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"{digest}.json"
    durable.write(file, json.dumps(row).encode())
    return file


@contextmanager
def passing(folder: Path) -> Iterator[str]:
    """A key for questions of this kit's own. It is not listed, its use is not noted, and it ends with the block."""
    text = _text()
    file = put(folder, sha256(text), {"name": OWN})
    try:
        yield text
    finally:
        file.unlink(missing_ok=True)


def revoke(folder: Path, name: str) -> None:
    """Raises KitError when no key has that name."""
    mine = [key for key in read(folder) if key.name == name]
    if not mine:
        raise KitError(f"there is no key named {name}", "`make keys` lists them")
    for key in mine:
        key.file.unlink(missing_ok=True)
    durable.sync_folder(folder)
