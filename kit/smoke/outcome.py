"""What a check comes to.

A check is a function that returns what it saw, as a few words, or raises one of

    NotPassed
    ├── CheckFailed    the server does what it must not, or does not do what it must
    ├── Warned         nothing is broken, and somebody should still know
    ├── NotAllowed     the server's configuration forbids what the check would do
    └── NotChecked     something that the check needs was not given

Only the first fails a run. Any other exception out of a check fails it too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

SETTLE_SECONDS = 30.0
POLL_SECONDS = 0.2


class Outcome(str, Enum):
    """The values are the words of the summary, the JSON document and the JUnit file."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    NOT_ALLOWED = "not allowed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Result:
    """One check's end. `detail` is what was seen, or the sentence that says what is wrong."""

    name: str
    outcome: Outcome
    seconds: float
    detail: str


class NotPassed(Exception):
    outcome: Outcome


class CheckFailed(NotPassed):
    outcome = Outcome.FAILED


class Warned(NotPassed):
    outcome = Outcome.WARNED


class NotAllowed(NotPassed):
    outcome = Outcome.NOT_ALLOWED


class NotChecked(NotPassed):
    outcome = Outcome.NOT_CHECKED


def require(condition: bool, sentence: str) -> None:
    """Fail the check with `sentence` unless the condition holds."""
    if not condition:
        raise CheckFailed(sentence)


def wait_until_right(wrong: Callable[[], Sequence[str]]) -> None:
    """Ask again what is wrong until nothing is: TorchServe says that a change is done a moment before its own
    description shows it. Raises CheckFailed with what still is wrong after SETTLE_SECONDS."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while found := wrong():
        if time.monotonic() > deadline:
            raise CheckFailed("; ".join(found))
        time.sleep(POLL_SECONDS)
