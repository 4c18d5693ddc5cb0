"""What a box's jobs share: its result, the calls to its program, and who is told of each step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kit.fleet.host.result import HostResult
from kit.fleet.ssh.remote import BoxError, Event, Remote

# For a box whose link broke before it could say.
GATE_SECONDS = 180.0
WENT_BACK = " (it reverted automatically)"


@dataclass(frozen=True)
class DeployOptions:
    """What holds for every box of a run. `owner` goes into the locks; `signers` is the text of an allowed-signers file,
    and `notify` whom boxes tell of alerts, "" to leave a box's own as it is; `own_locks` are owners of ended runs from
    here, whose locks may be taken."""

    owner: str
    confirm_seconds: int
    signers: str = ""
    notify: str = ""
    break_lock: bool = False
    own_locks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StepListener:
    """Who is told: `step(box, step, share)` as a job goes on (0 to 1), `before(box, release)` ahead of a switch."""

    step: Callable[[str, str, float], None]
    before: Callable[[str, str], None]


class HostSession:
    """`switched`: from here on the box may run another release. `stoppable`: the operator may end the job at hand.
    `boot`: of which start of the machine all that holds. `gate_seconds`: how long a box with no link may still be at
    its gate, before the seconds that it waits for the confirm; the box says it as it begins."""

    def __init__(
        self,
        host_result: HostResult,
        remote: Remote,
        options: DeployOptions,
        listener: StepListener,
        stopping: threading.Event,
    ) -> None:
        self.result, self.remote, self.options = host_result, remote, options
        self.switched = False
        self.stoppable = True
        self.boot = ""
        self.gate_seconds = GATE_SECONDS
        self._listener, self._stopping = listener, stopping
        self._step_began = 0.0

    @property
    def owner(self) -> tuple[str, str]:
        return ("--owner", self.options.owner)

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
        host_result, release = self.result, str(status.get("release") or "")
        silent = bool(release) and not status.get("answers")
        host_result.silent = str(status.get("why_not") or "it does not say why") if silent else ""
        host_result.running = None if silent else release
        # A roll-out that is resumed knows of boxes that the one before it has switched.
        host_result.touched = (self.switched or host_result.touched) and host_result.running != host_result.before

    def remember(self, release: str) -> None:
        """Written before anything is switched, so that a take-back knows the way even after the workstation was
        killed."""
        self._listener.before(self.result.box, self.result.before)
        self.result.release = release

    def begin(self, step: str) -> None:
        self.end_step()
        self.result.step, self._step_began = step, time.monotonic()
        self._listener.step(self.result.box, step, 0.0)

    def end_step(self) -> None:
        """Count the step's time."""
        if self._step_began:
            took = time.monotonic() - self._step_began
            self.result.steps[self.result.step] = self.result.steps.get(self.result.step, 0.0) + took
        self._step_began = 0.0

    def progress(self, share: float) -> None:
        self._listener.step(self.result.box, self.result.step, share)
