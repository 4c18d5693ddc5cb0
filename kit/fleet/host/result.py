"""What came of a box's jobs: for the engine, the table, the summary and the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kit.fleet.rollout.wave_engine import Job, Kind


@dataclass
class HostResult:
    """One box in one roll-out, filled in as it goes. `kind` is what came of `job`, its last but for the lock's release.

    `before` is the release it had confirmed at first ("" for none), `release` the one it was given, `running` what has
    answered since the last change ("" for nothing, None when the workstation does not know), `silent` why nothing
    answers; `touched`: it runs the new release, or may. `bytes` went over the link, both ways; `away_seconds` is how
    long it gave no answers; `steps` are seconds each.
    """

    box: str
    kind: Kind | None = None
    job: Job | None = None
    release: str = ""
    before: str = ""
    running: str | None = None
    silent: str = ""
    touched: bool = False
    step: str = ""
    how: str = ""
    error: str = ""
    log: Sequence[str] = ()
    changes: list[str] = field(default_factory=list)
    bytes: int = 0
    away_seconds: float | None = None
    steps: dict[str, float] = field(default_factory=dict)
    gate: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        words = {"kind": self.kind.value if self.kind else None, "job": self.job.value if self.job else None}
        return asdict(self) | words | {"log": list(self.log)}
