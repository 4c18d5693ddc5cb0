"""Changes of the keys that boxes take, kept until each box has them: one that cannot be reached now gets them with the
next change, or the next deployment.

What is kept opens nothing: a key's SHA-256, its name, its rate.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common import durable
from common.gateway.keys import Row
from kit.files import alone_in
from kit.fleet.ssh.remote import BoxError, Event

NO_VERB = "invalid choice"  # what a box.pyz says of a verb that it does not have
Call = Callable[[str, bytes], Event]
"""A verb of the box's program, with what it reads; its result, ok or not."""


@dataclass(frozen=True)
class Changes:
    """`revoke` come first: a name that is revoked and added again has the new key. `add` by SHA-256."""

    revoke: tuple[str, ...] = ()
    add: dict[str, Row] = field(default_factory=dict)

    def then(self, later: Changes) -> Changes:
        """Both, in this order."""
        kept = {digest: row for digest, row in self.add.items() if row["name"] not in later.revoke}
        return Changes(tuple(dict.fromkeys([*self.revoke, *later.revoke])), kept | later.add)

    @property
    def document(self) -> dict[str, Any]:
        return {"revoke": list(self.revoke), "add": self.add}


def unsent(folder: Path, box: str) -> Changes:
    found = durable.read_object(folder / f"{box}.json")
    return Changes(tuple(found.get("revoke", ())), found.get("add", {}))


def note(folder: Path, box: str, changes: Changes) -> None:
    """To be sent to this box, after what waits already."""
    with alone_in(folder, mode=0o700):
        both = unsent(folder, box).then(changes)
        durable.write(folder / f"{box}.json", json.dumps(both.document).encode(), mode=0o600)


def send(folder: Path, box: str, call: Call) -> list[str]:
    """What waits for this box; sentences on what changed there. Raises LinkLost, and BoxError where its program is too
    old: it goes on waiting then. Raises BoxError for what a box does not take: it waits no more."""
    waiting = unsent(folder, box)
    if waiting == Changes():
        return []
    result = call("change-keys", json.dumps(waiting.document).encode())
    if NO_VERB in str(result.get("error")):
        raise BoxError("its program is older than gateways; it gets its keys with its next release")
    with alone_in(folder, mode=0o700):
        if unsent(folder, box) == waiting:  # and nothing was added meanwhile
            (folder / f"{box}.json").unlink(missing_ok=True)
    if not result.get("ok"):
        raise BoxError(" → ".join(str(result[key]) for key in ("error", "hint") if result.get(key)))
    return [str(sentence) for sentence in result.get("changed") or ()]
