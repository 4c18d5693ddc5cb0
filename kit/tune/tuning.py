"""The loop between the search, the journal and the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from kit.tune.journal import Journal
from kit.tune.search.candidate import Candidate, Outcome
from kit.tune.search.hill_climb import Search, Trial


class Watcher(Protocol):
    """Is told what goes on, for people to see."""

    def begin(self, trial: Trial, number: int, seconds_left: float | None) -> None: ...

    def done(self, trial: Trial, number: int, outcome: Outcome, recorded: bool) -> None: ...


def tune(search: Search, journal: Journal, measure: Callable[[Candidate], Outcome], watcher: Watcher) -> None:
    """Until the search has its answer. What the journal holds is not measured again; what is measured is in it
    before anything else happens."""
    number = fresh = 0
    begun = time.monotonic()
    while trial := search.ask():
        number += 1
        outcome = journal.take(trial.candidate)
        recorded = outcome is not None
        if outcome is None:
            each = (time.monotonic() - begun) / fresh if fresh else None
            watcher.begin(trial, number, each and each * (trial.most_left + 1))
            outcome = measure(trial.candidate)
            journal.add(trial.candidate, outcome)
            fresh += 1
        watcher.done(trial, number, outcome, recorded)
        search.tell(outcome)
