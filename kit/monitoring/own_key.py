"""The key that Prometheus comes with: one for all gateways, kept with the user's own settings."""

from __future__ import annotations

import json
from pathlib import Path

from common import durable
from common.gateway import keys
from common.gateway.keys import Row

NAME = "prometheus"


def own_key(folder: Path) -> tuple[str, Row]:
    """Its text, and what gateways keep of it. Made when there is none."""
    file = folder / f"{NAME}.json"
    kept = durable.read_object(file)
    if isinstance(kept.get("key"), str) and isinstance(kept.get("row"), dict):
        return kept["key"], kept["row"]
    text, row = keys.new(NAME, None)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.write(file, json.dumps({"key": text, "row": row}).encode(), mode=0o600)
    return text, row


def admit(folder: Path, text: str, row: Row) -> None:
    """Have the gateway of this machine take it, in place of another of its name."""
    digest = keys.sha256(text)
    if any(known.name == NAME and known.file.stem != digest for known in keys.read(folder)):
        keys.revoke(folder, NAME)
    keys.put(folder, digest, row)
