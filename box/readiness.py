"""Is a starting server ready, still on its way, or never going to be?

`/ping` cannot tell: it says 200 while workers load, while they crash in a loop, and when an archive did not load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from box.server_log import FATAL, line_that_matters, text_of

KILLED = "it was killed, which is what happens when memory runs out"


@dataclass(frozen=True)
class Verdict:
    """`ready` of `wanted` workers are READY; `failure` says why they never will be, "" while there is hope."""

    ready: int
    wanted: int
    failure: str = ""

    @property
    def done(self) -> bool:
        return not self.failure and self.ready >= self.wanted


@dataclass
class Watch:
    """Looks at a starting server again and again."""

    wanted: int
    pids: dict[str, int] = field(default_factory=dict)

    def judge(self, alive: bool, workers: Sequence[Mapping[str, Any]], log: Sequence[str]) -> Verdict:
        """One look: is Java alive, the workers as `describe` lists them, and what it has said since its start."""
        ready = sum(worker["status"] == "READY" for worker in workers)
        cause = line_that_matters(log)
        if not alive:
            return Verdict(ready, self.wanted, f"TorchServe ended: {cause or _last(log)}")
        if any(saying in line for line in log for saying in FATAL):
            killed = f"; {KILLED}" if "Worker died" in cause else ""
            return Verdict(ready, self.wanted, f"the model does not load: {cause or _last(log)}{killed}")
        for worker in workers:
            if worker["pid"] <= 0:  # not started yet
                continue
            first = self.pids.setdefault(str(worker["id"]), worker["pid"])
            if first != worker["pid"]:
                return Verdict(ready, self.wanted, f"worker {worker['id']} ended while it started: {cause or KILLED}")
        return Verdict(ready, self.wanted)


def _last(log: Sequence[str]) -> str:
    texts = [text for text in map(text_of, log) if text]
    return texts[-1] if texts else "it said nothing"
