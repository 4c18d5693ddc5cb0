"""The keys that this box's gateway takes. The workstation makes them, for one box or for many, and sends what is kept
of them: the key itself is never here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from box.state.paths import Paths
from common.errors import KitError, UsageError
from common.gateway import keys
from common.manifest import SHA256


def listed(paths: Paths) -> list[dict[str, Any]]:
    """By name. `made` and `used` in seconds since 1970; `used` is 0 for never, `rate` "" for no limit, `models` empty
    for all."""
    return [
        {
            "name": key.name,
            "made": key.made,
            "used": key.used,
            "rate": str(key.rate or ""),
            "models": list(key.models),
        }
        for key in keys.read(paths.gateway_keys)
    ]


def change(paths: Paths, told: Mapping[str, Any]) -> list[str]:
    """`revoke` names, then `add` {sha256: {name, made, rate, models}}; sentences on what was not so before. Raises
    UsageError for anything else, and KitError for a name that another key has."""
    added, revoked = _read(told)
    there = {key.name: key.file.stem for key in keys.read(paths.gateway_keys)}
    changed = []
    for name in revoked:
        if there.pop(name, None):
            keys.revoke(paths.gateway_keys, name)
            changed.append(f"{name} is revoked")
    for digest, row in added.items():
        if there.get(row["name"], digest) != digest:
            raise KitError(f"there is a key named {row['name']} already", f"revoke it first: REVOKE={row['name']}")
        if row["name"] not in there:
            keys.put(paths.gateway_keys, digest, row)
            changed.append(f"{row['name']} may ask")
    return changed


def _read(told: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    try:
        added = {str(digest): dict(row) for digest, row in dict(told.get("add") or {}).items()}
        revoked = [str(name) for name in told.get("revoke") or ()]
        for digest, row in added.items():
            if not SHA256.fullmatch(digest) or set(row) - {"models"} != {"name", "made", "rate"}:
                raise ValueError(digest)
            keys.check_name(str(row["name"]))
            keys.models(",".join(row.get("models", ())))
    except (TypeError, ValueError) as error:
        raise UsageError(f"this is no change of keys: {error}", "make key NAME=… HOSTS=… sends one") from None
    return added, revoked
