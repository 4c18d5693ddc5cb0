"""What a box's jobs share: its account, the calls to its program, and who is told of each step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kit.fleet.host.remote import BoxError, Event, Remote
from kit.fleet.host.result import Account

# For a box whose link broke before it could say.
GATE_SECONDS = 180.0
WENT_BACK = " (it went back by itself)"


@dataclass(frozen=True)
class Orders:
    """What holds for every box of a run. `owner` goes into the locks; `signers` is the text of an allowed-signers file,
    "" to leave a box's own as it is; `own_locks` are owners of ended runs of this desk, whose locks may be taken."""

    owner: str
    confirm_seconds: int
    signers: str = ""
    break_lock: bool = False
    own_locks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Watch:
    """Who is told: `step(box, step, share)` as a job goes on (0 to 1), `before(box, release)` ahead of a switch."""

    step: Callable[[str, str, float], None]
    before: Callable[[str, str], None]


class Turn:
    """`switched`: from here on the box may run another release. `stoppable`: the operator may end the job at hand.
    `boot`: of which start of the machine all that holds. `gate_seconds`: how long a box with no link may still be at
    its gate, before the seconds that it waits for the confirm; the box says it as it begins."""

    def __init__(
        self, account: Account, remote: Remote, orders: Orders, watch: Watch, stopping: threading.Event
    ) -> None:
        self.account, self.remote, self.orders = account, remote, orders
        self.switched = False
        self.stoppable = True
        self.boot = ""
        self.gate_seconds = GATE_SECONDS
        self._watch, self._stopping = watch, stopping
        self._step_began = 0.0

    @property
    def owner(self) -> tuple[str, str]:
        return ("--owner", self.orders.owner)

    @property
    def stopped(self) -> bool:
        return self.stoppable and self._stopping.is_set()

    def call(self, verb: str, *arguments: str, step: str = "", stoppable: bool = True, **options: Any) -> Event:
        """A verb's result, ok or not. Raises LinkLost, BoxError when there is none, Stopped."""
        if step:
            self.begin(step)
        return self.remote.call(verb, *arguments, stoppable=stoppable and self.stoppable, **options)

    def checked(self, result: Event) -> Event:
        """Raises BoxError for a result that is not ok."""
        if result.get("ok"):
            return result
        error = str(result.get("error") or "failed")
        if result.get("rolled_back"):
            error += WENT_BACK
        elif result.get("hint"):
            error += f" → {result['hint']}"
        raise BoxError(error, [str(line) for line in result.get("log") or ()])

    def heard(self, status: Event) -> None:
        """Which release has just answered, by the box's own word on the question that it asked itself."""
        account, release = self.account, str(status.get("release") or "")
        silent = bool(release) and not status.get("answers")
        account.silent = str(status.get("why_not") or "it does not say why") if silent else ""
        account.running = None if silent else release
        account.touched = self.switched and account.running != account.before

    def remember(self, release: str) -> None:
        """Written before anything is switched, so that a take-back knows the way even after the desk was killed."""
        self._watch.before(self.account.box, self.account.before)
        self.account.release = release

    def begin(self, step: str) -> None:
        self.end_step()
        self.account.step, self._step_began = step, time.monotonic()
        self._watch.step(self.account.box, step, 0.0)

    def end_step(self) -> None:
        """Count the step's time."""
        if self._step_began:
            took = time.monotonic() - self._step_began
            self.account.steps[self.account.step] = self.account.steps.get(self.account.step, 0.0) + took
        self._step_began = 0.0

    def progress(self, share: float) -> None:
        self._watch.step(self.account.box, self.account.step, share)
