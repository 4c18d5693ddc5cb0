"""The release on trial: a marker in /run, so that a power cut ends the trial and boot finds the confirmed release."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from box.state.paths import Paths
from common import durable
from common.manifest import is_name

# Whether it was confirmed is not among them: only the link `confirmed` says that.
SWITCHING, WAITING, GIVEN_UP, REVERTING = "switching", "waiting", "given-up", "reverting"


@dataclass(frozen=True)
class Trial:
    """`previous`: what ran before, None on a new box. `deadline`: for the confirm, on this boot's monotonic clock."""

    release: str
    previous: str | None
    how: str
    owner: str
    started: float
    phase: str = SWITCHING
    deadline: float = 0.0

    def to(self, phase: str, deadline: float | None = None) -> Trial:
        return replace(self, phase=phase, deadline=self.deadline if deadline is None else deadline)


def load(paths: Paths) -> Trial | None:
    """None when there is none, or its marker is not a trial's: the confirmed release is right then."""
    said = durable.read_object(paths.trial)
    try:
        found = Trial(**said)
    except TypeError:
        return None
    texts = (found.how, found.owner, found.phase)
    numbers = (found.started, found.deadline)
    sound = (
        is_name(found.release)
        and (found.previous is None or is_name(found.previous))
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(number, int | float) for number in numbers)
    )
    return found if sound else None


def save(paths: Paths, trial: Trial) -> None:
    durable.write(paths.trial, json.dumps(asdict(trial)).encode(), mode=0o600)


def clear(paths: Paths) -> None:
    paths.trial.unlink(missing_ok=True)
