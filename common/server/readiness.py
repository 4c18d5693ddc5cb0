"""Is a starting server ready, still on its way, or never going to be?

`/ping` cannot tell: it says 200 while workers load, while they crash in a loop, and when an archive did not load.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.server.server_log import FATAL, line_that_matters, text_of

LAST_WORDS_SECONDS = 2.0
KILLED = "it was killed, most likely because memory ran out"


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
class StartWatch:
    """Looks at a starting server again and again.

    A failure is told LAST_WORDS_SECONDS after its first sign: several of Java's threads write the log, and the line
    that names the cause may come after the news of what it caused.
    """

    wanted: int
    clock: Callable[[], float] = time.monotonic
    pids: dict[str, int] = field(default_factory=dict)
    replaced: str = ""
    failing_since: float | None = None

    def judge(self, alive: bool, workers: Sequence[Mapping[str, Any]], log: Sequence[str]) -> Verdict:
        """One look: is Java alive, the workers as `describe` lists them, and what it has said since its start."""
        ready = sum(worker["status"] == "READY" for worker in workers)
        if not alive:
            return Verdict(ready, self.wanted, ended(log))
        failure = self._failure(workers, log)
        if not failure:
            return Verdict(ready, self.wanted)
        if self.failing_since is None:
            self.failing_since = self.clock()
        told = self.clock() - self.failing_since >= LAST_WORDS_SECONDS
        return Verdict(0, self.wanted, failure if told else "")  # a worker that came back is not to be counted on

    def _failure(self, workers: Sequence[Mapping[str, Any]], log: Sequence[str]) -> str:
        """Why it will not come to anything; once said it stays so, as lines stay in the log and an end is an end."""
        cause = line_that_matters(log)
        if any(saying in line for line in log for saying in FATAL):
            killed = f"; {KILLED}" if "Worker died" in cause else ""
            return f"the model does not load: {cause or _last(log)}{killed}"
        for worker in workers:
            if worker["pid"] <= 0:  # not started yet
                continue
            if self.pids.setdefault(str(worker["id"]), worker["pid"]) != worker["pid"]:
                self.replaced = str(worker["id"])
        return f"worker {self.replaced} died while starting: {cause or KILLED}" if self.replaced else ""


def ended(log: Sequence[str]) -> str:
    """Why Java has ended, by all that it said."""
    return f"TorchServe ended: {line_that_matters(log) or _last(log)}"


def _last(log: Sequence[str]) -> str:
    texts = [text for text in map(text_of, log) if text]
    return texts[-1] if texts else "it printed nothing"
