"""What came of a box's jobs: for the engine, the table, the summary and the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Job(str, Enum):
    PREPARE = "prepare"
    CHANGE = "change"
    TAKE_BACK = "take back"
    RELEASE = "release"


class Kind(str, Enum):
    """What came of one job on one box."""

    READY = "ready"
    """Prepared: it can be reached, it has its lock."""
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    """It had the release already."""
    BACK = "taken back"
    KEPT = "kept"
    """It was to be taken back and had nothing before: it keeps the release that passed its gate."""
    RELEASED = "released"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    """Found while preparing: the roll-out must not start."""
    STOPPED = "stopped"
    """The operator ended the run before this box was changed."""


@dataclass
class HostResult:
    """One box in one roll-out, filled in as it goes. `kind` is what came of `job`, its last but for the lock's release.

    `before` is the release it had confirmed at first ("" for none), `release` the one it was given, `running` what has
    answered since the last change ("" for nothing, None when the workstation does not know), `silent` why nothing
    answers; `touched`: it runs the new release, or may. `bytes` went over the link, both ways; `downtime_seconds` is
    how long it gave no answers; `steps` are seconds each.
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
    downtime_seconds: float | None = None
    steps: dict[str, float] = field(default_factory=dict)
    gate: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        words = {"kind": self.kind.value if self.kind else None, "job": self.job.value if self.job else None}
        return asdict(self) | words | {"log": list(self.log)}
