"""Every measurement, written down at once: a run that is interrupted goes on where it was.

One JSON object a line. A line is the candidate, what came of it, and the fingerprint of all that the figures depend on
(machine, model, handler, load); lines with another fingerprint are left alone and not used. The objective and its
limits are no part of it: what was measured for one goal counts for the next.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common import json_lines
from kit.bench.measurement import Measurement
from kit.tune.search.candidate import Candidate, Failure, Outcome


class Journal:
    """`recorded` is how many measurements of earlier runs are at hand."""

    def __init__(self, file: Path, fingerprint: str) -> None:
        self.file, self.fingerprint = file, fingerprint
        self._known: defaultdict[Candidate, deque[Outcome]] = defaultdict(deque)
        for row in json_lines.read(file):
            if row.get("fingerprint") == fingerprint:
                self._known[Candidate(**row["candidate"])].append(outcome_of(row))
        self.recorded = sum(map(len, self._known.values()))

    def take(self, candidate: Candidate) -> Outcome | None:
        """The next recorded outcome of a candidate, in the order they were recorded; None when there is no more."""
        known = self._known[candidate]
        return known.popleft() if known else None

    def add(self, candidate: Candidate, outcome: Outcome) -> None:
        row = {
            "fingerprint": self.fingerprint,
            "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            **document(candidate, outcome),
        }
        json_lines.append(self.file, row)


def document(candidate: Candidate, outcome: Outcome) -> dict[str, Any]:
    said = {"failure": outcome.reason} if isinstance(outcome, Failure) else {"measurement": asdict(outcome)}
    return {"candidate": asdict(candidate), **said}


def outcome_of(row: dict[str, Any]) -> Outcome:
    return Failure(row["failure"]) if "failure" in row else Measurement(**row["measurement"])
