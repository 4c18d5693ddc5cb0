"""Ask every box of a fleet the same question, changing nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from kit.fleet.host.jobs import Refusal
from kit.fleet.host.staged_release import unfit
from kit.fleet.ssh.facts import Facts
from kit.fleet.ssh.remote import BoxError, Event, LinkLost, Remote

BARE = "bare: nothing was ever deployed to it"
DAMAGED = "unknown: its box.pyz is damaged, and so is every copy of it; the next deployment brings another"


@dataclass(frozen=True)
class Answer:
    """What a box said, or why it did not (`error`)."""

    box: str
    said: Event = field(default_factory=dict)
    error: str = ""

    @property
    def well(self) -> bool:
        """It answers, and clients reach it where they are to."""
        gateway = self.said.get("gateway")
        return bool(self.said.get("answers")) and (not gateway or bool(gateway.get("ready")))

    def document(self) -> dict[str, Any]:
        return {"box": self.box, **self.said} | ({"error": self.error} if self.error else {})


def survey(boxes: Sequence[str], ask: Callable[[str], Event], parallel: int) -> list[Answer]:
    """`ask(box)` of every box at once, in the fleet's order."""

    def one(box: str) -> Answer:
        try:
            return Answer(box, ask(box))
        except LinkLost as lost:
            return Answer(box, error=f"out of reach: {lost}")
        except (BoxError, Refusal) as error:
            return Answer(box, error=str(error))

    with ThreadPoolExecutor(parallel, thread_name_prefix="box") as pool:
        return list(pool.map(one, boxes))


def call(remote: Remote, verb: str, *arguments: str, stdin: bytes = b"") -> Event:
    """One verb of the box's program, as it stands there. Raises LinkLost; BoxError for a box that cannot be asked."""
    try:
        facts: Facts = remote.probe()
        if not facts.python or not facts.root:
            raise BoxError(unfit(facts))
        if facts.bare:
            raise BoxError(BARE)
        if not facts.program and not facts.whole:
            raise BoxError(DAMAGED)
        return remote.call(verb, *arguments, stdin=stdin)
    finally:
        remote.close()
