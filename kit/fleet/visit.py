"""A box's turn: each job of the engine reads as its algorithm, one verb a line.

What goes wrong ends a job by an exception, and `Visit.do` turns it into the box's account:

    LinkLost           before the switch: out of reach; after it: see `settle`
    BoxError           the box failed, and says whether it went back
    Refusal            found while preparing: the roll-out must not start
    transport.Stopped  the operator ended the run
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kit.fleet.engine import Job, Kind
from kit.fleet.outcome import Account
from kit.fleet.remote import BoxError, Event, Facts, LinkLost, Remote
from kit.fleet.transport import Stopped

RETRY_SECONDS = 3.0


class Refusal(Exception):
    """This box cannot take part, for the reason given."""


@dataclass(frozen=True)
class Orders:
    """What holds for every box of a run. `owner` goes into the locks; `signers` is the text of an allowed-signers file,
    "" to leave a box's own as it is; `own_locks` are owners of ended runs of this desk, whose locks may be broken."""

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


class Visit:
    """One box through a whole roll-out: its jobs share what was learnt of it."""

    def __init__(
        self, account: Account, remote: Remote, orders: Orders, watch: Watch, stopping: threading.Event
    ) -> None:
        self.account, self.remote, self.orders = account, remote, orders
        self._watch, self._stopping = watch, stopping
        self._facts: Facts | None = None
        self._switched = False
        self._stoppable = True
        self._step_began = 0.0

    def do(self, job: Job) -> Kind:
        """Do the job; the account says the rest."""
        work = {
            Job.PREPARE: self.prepare,
            Job.CHANGE: self.change,
            Job.TAKE_BACK: self.take_back,
            Job.RELEASE: self.release,
        }[job]
        self._stoppable = job in (Job.PREPARE, Job.CHANGE)
        try:
            kind = work()
        except Refusal as refusal:
            kind = self._note(Kind.REFUSED, str(refusal))
        except BoxError as error:
            kind = self._note(Kind.REFUSED if job is Job.PREPARE else Kind.FAILED, str(error))
            self.account.log = error.log
        except LinkLost as lost:
            untouched = job is Job.PREPARE or (job is Job.CHANGE and not self._switched)
            kind = self._note(Kind.UNREACHABLE if untouched else Kind.FAILED, f"link lost: {lost}")
        except Stopped as stopped:
            kind = self._note(Kind.STOPPED, str(stopped) or "stopped before it was changed")
        except Exception as bug:  # one box's surprise must not end the run for the others, with their locks taken
            kind = self._note(Kind.FAILED, f"a bug of the desk: {type(bug).__name__}: {bug}")
            self.account.log = traceback.format_exc().splitlines()
        self._end_step()
        self.account.bytes = self.remote.traffic
        if job is not Job.RELEASE:
            self.account.kind, self.account.job = kind, job
        return kind

    def prepare(self) -> Kind:
        raise NotImplementedError

    def change(self) -> Kind:
        raise NotImplementedError

    def plan(self) -> Event:
        """What `change` would do, with nothing changed."""
        raise NotImplementedError

    def take_back(self) -> Kind:
        """Back to the release it had before, whatever it is doing now."""
        before = self.account.before
        status = self._call("status", step="take back")
        if status.get("on_trial"):
            self._checked(self._call("revert", *self._owner))
            status = self._call("status")
        if not before:
            self.account.running = str(status.get("release") or "")
            return self._note(Kind.KEPT, "it had no release before, so it keeps this one")
        if status.get("confirmed") != before:
            self._switch_to(before, "rollback", "--to", before)
        self.account.running, self.account.touched = before, False
        return Kind.BACK

    def release(self) -> Kind:
        self._call("unlock", *self._owner)
        return Kind.RELEASED

    # What both ways of changing a box are made of.

    def _reach(self) -> Facts:
        self._begin_step("reach")
        self._facts = self.remote.probe()
        return self._facts

    def _take_lock(self) -> None:
        """Raises Refusal, saying who has it. One left by an ended run of this desk is its own to take."""
        held = self._call("lock", *self._owner, step="lock")
        holder = held.get("holder") or {}
        if not held.get("ok") and (self.orders.break_lock or holder.get("owner") in self.orders.own_locks):
            self._call("unlock", "--owner", str(holder.get("owner")))
            held = self._call("lock", *self._owner)
        if not held.get("ok"):
            raise Refusal(locked_by(holder) if holder else str(held.get("error", "its lock cannot be taken")))

    def _renew_lock(self) -> None:
        """Raises BoxError when somebody broke it meanwhile."""
        held = self._call("lock", *self._owner, step="lock")
        if not held.get("ok"):
            raise BoxError(f"its lock is gone: {locked_by(held.get('holder') or {})}")

    def _remember(self, release: str) -> None:
        """Written before anything is switched, so that a take-back knows the way even after the desk was killed."""
        self._watch.before(self.account.box, self.account.before)
        self.account.release = release

    def _switch_to(self, release: str, verb: str, *arguments: str) -> None:
        """Activate, see the gate passed, confirm over a new connection. Raises BoxError when the box is not on it."""
        self._begin_step("activate")
        self._switched = self.account.touched = True
        try:
            result = self._activate(verb, *arguments)
            self._begin_step("confirm")
            if result.get("waiting", True):
                self._checked(self.remote.call("confirm", release, *self._owner, stoppable=False))
        except LinkLost as lost:
            self._settle(release, lost)
        except Stopped:
            raise Stopped(self._give_up()) from None
        self.account.running = release

    def _activate(self, verb: str, *arguments: str) -> Event:
        seconds = ("--confirm-seconds", str(self.orders.confirm_seconds))
        result = self._call(verb, *arguments, *seconds, *self._owner, heard=self._heard)
        self.account.how = str(result.get("how") or "")
        self.account.gate = dict(result.get("gate") or {})
        self.account.away_seconds = result.get("away_seconds")
        self._checked(result)
        return result

    def _heard(self, event: Event) -> None:
        if event.get("event") == "step":
            self._begin_step(str(event.get("step")))

    def _settle(self, release: str, lost: LinkLost) -> None:
        """The link broke after the switch: come back in time for the confirm, or learn what the box did without it."""
        self._begin_step("reconnect")
        until = time.monotonic() + self.orders.confirm_seconds
        while time.monotonic() < until and not (self._stoppable and self._stopping.is_set()):
            try:
                if self.remote.call("confirm", release, *self._owner, stoppable=False).get("ok"):
                    return
            except LinkLost as again:
                lost = again
            time.sleep(RETRY_SECONDS)
        status = self.remote.call("status", stoppable=False)
        self._read_running(status)
        if status.get("confirmed") != release:
            raise BoxError(f"link lost ({lost}), so it had no confirm and went back by itself")

    def _give_up(self) -> str:
        """The operator stops while this box is on trial: back now, not when its time is out. Says how it went."""
        try:
            result = self.remote.call("revert", *self._owner, stoppable=False)
        except (LinkLost, BoxError) as error:
            return f"on trial, and it goes back by itself ({error})"
        self._read_running(result)
        return "stopped on trial: it went back" if result.get("ok") else f"on trial: {result.get('error')}"

    def _checked(self, result: Event) -> Event:
        """Raises BoxError for a result that is not ok."""
        if result.get("ok"):
            return result
        self._read_running(result)
        back = " (it went back by itself)" if result.get("rolled_back") else ""
        raise BoxError(f"{result.get('error', 'failed')}{back}", [str(line) for line in result.get("log") or ()])

    def _read_running(self, said: Event) -> None:
        """Which release the box runs, from a result that says so."""
        running = said.get("running") or said.get("confirmed")
        if running:
            self.account.running = str(running)
            self.account.touched = self._switched and running == self.account.release

    @property
    def _owner(self) -> tuple[str, str]:
        return ("--owner", self.orders.owner)

    def _call(self, verb: str, *arguments: str, step: str = "", **options: Any) -> Event:
        if step:
            self._begin_step(step)
        return self.remote.call(verb, *arguments, stoppable=self._stoppable, **options)

    def _note(self, kind: Kind, error: str) -> Kind:
        self.account.error = error
        return kind

    def _begin_step(self, step: str, share: float = 0.0) -> None:
        self._end_step()
        self.account.step, self._step_began = step, time.monotonic()
        self._watch.step(self.account.box, step, share)

    def _end_step(self) -> None:
        if self._step_began:
            took = time.monotonic() - self._step_began
            self.account.steps[self.account.step] = self.account.steps.get(self.account.step, 0.0) + took
        self._step_began = 0.0

    def _progress(self, share: float) -> None:
        self._watch.step(self.account.box, self.account.step, share)


def locked_by(holder: Event) -> str:
    """Who has the lock, since when, and how to get it."""
    if not holder:
        return "nobody holds it now"
    age = float(holder.get("age_seconds") or 0)
    words = f"locked by {holder.get('owner')} since {holder.get('since')} ({age / 60:.0f} min ago)"
    stale = ", who has not renewed it: it is stale" if holder.get("stale") else ""
    return f"{words}{stale}; BREAK_LOCK=1 takes it, when you are sure that run has ended"
