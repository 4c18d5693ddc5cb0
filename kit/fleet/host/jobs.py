"""A box's jobs: each job of the engine reads as its algorithm, one verb a line.

What goes wrong ends a job by an exception, and `HostJobs.do` turns it into the box's result:

    LinkLost           before the switch: out of reach; after it: see release_switch.settle
    BoxError           the box failed, and says whether it went back
    Refusal            the operator's to put right, found while preparing: the roll-out must not start
    Stopped            the operator ended the run
"""

from __future__ import annotations

import threading
import time
import traceback

from common.errors import KitError
from kit.fleet.host.release_switch import end_trial, switch
from kit.fleet.host.result import Job, Kind
from kit.fleet.host.session import HostSession
from kit.fleet.ssh.facts import Facts
from kit.fleet.ssh.remote import BoxError, Event, LinkLost, NoShell
from kit.fleet.ssh.transport import OperatorStopped
from kit.fleet.ssh.words import moment


class Refusal(Exception):
    """This box cannot take part, for the reason given."""


class HostJobs:
    """One box through a whole roll-out: its jobs share what was learnt of it."""

    facts: Facts

    def __init__(self, session: HostSession) -> None:
        self.session, self.result = session, session.result
        self._at_work = threading.Lock()
        self._lock_renewed = 0.0

    def do(self, job: Job) -> Kind:
        """Do the job; `result` says the rest."""
        work = {
            Job.PREPARE: self.prepare,
            Job.CHANGE: self.change,
            Job.TAKE_BACK: self.take_back,
            Job.RELEASE: self.release,
        }[job]
        session, host_result = self.session, self.result
        session.stoppable = job in (Job.PREPARE, Job.CHANGE)
        with self._at_work:
            try:
                kind = work()
            except Refusal as refusal:
                kind, host_result.error = Kind.REFUSED, str(refusal)
            except BoxError as error:
                kind, host_result.error = Kind.FAILED, str(error)
                host_result.log = error.log
            except LinkLost as lost:
                untouched = job is Job.PREPARE or (job is Job.CHANGE and not session.switched)
                kind, host_result.error = (
                    (Kind.UNREACHABLE, str(lost)) if untouched else (Kind.FAILED, f"link lost: {lost}")
                )
            except OperatorStopped as stopped:
                kind, host_result.error = Kind.STOPPED, str(stopped) or "stopped before it was changed"
            except KitError as error:  # the workstation's own disk takes no record, so nothing is switched
                kind, host_result.error = Kind.FAILED, error.message
            except Exception as bug:  # one box's surprise must not end the run for the others, with their locks taken
                kind, host_result.error = Kind.FAILED, f"a bug on the workstation: {type(bug).__name__}: {bug}"
                host_result.log = traceback.format_exc().splitlines()
            session.end_step()
            host_result.bytes = session.remote.traffic
        if job is not Job.RELEASE:
            host_result.kind, host_result.job = kind, job
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
        before = self.result.before
        status = end_trial(self.session, self.session.call("status", step="take back"))
        self.session.heard(status)
        if not before:
            self.result.error = "; ".join(word for word in (self.result.error, "it had no release before") if word)
            return Kind.KEPT
        if status.get("confirmed") != before:
            switch(self.session, before, "rollback", "--to", before)
        elif self.result.running != before:
            raise BoxError(f"{before} is its confirmed release again")
        self.result.touched = False
        return Kind.BACK

    def release(self) -> Kind:
        self._lock_renewed = 0.0
        try:
            self.session.call("unlock", *self.session.owner)
        finally:
            self.session.remote.close()
        return Kind.RELEASED

    def keep_lock(self, seconds: float) -> None:
        """Renew the lock of a box that waits, when it is older than that; one that is at work renews its own."""
        if not self._at_work.acquire(blocking=False):
            return
        try:
            if self._lock_renewed and time.monotonic() - self._lock_renewed > seconds:
                self._lock_renewed = time.monotonic()
                self.session.remote.call("lock", *self.session.owner)
        except (LinkLost, BoxError, OperatorStopped):
            pass  # its next job will find out
        finally:
            self._at_work.release()

    def reach(self) -> None:
        """Raises LinkLost, and Refusal where a login runs nothing."""
        self.session.begin("reach")
        try:
            self.facts = self.session.remote.probe()
        except NoShell as useless:
            raise Refusal(str(useless)) from None
        self.session.boot = self.facts.boot

    def take_lock(self) -> None:
        """Raises Refusal, saying who has it, and BoxError for a box that cannot take one. One left by an ended run of
        this workstation is its own to take."""
        options, held = self.session.options, self._lock()
        holder = held.get("holder") or {}
        if not held.get("ok") and (options.break_lock or holder.get("owner") in options.own_locks):
            self.session.call("unlock", "--owner", str(holder.get("owner")))
            held = self._lock()
        if not held.get("ok"):
            if holder:
                raise Refusal(locked_by(holder))
            raise BoxError(str(held.get("error") or "its lock cannot be taken"))

    def renew_lock(self) -> None:
        """Raises BoxError when somebody took it meanwhile, or the box can take it no more."""
        held = self._lock()
        if not held.get("ok"):
            holder = held.get("holder")
            why = f"its lock was taken over meanwhile: {locked_by(holder)}" if holder else str(held.get("error"))
            raise BoxError(why)

    def _lock(self) -> Event:
        self._lock_renewed = time.monotonic()
        # To its end: a lock that was taken and not known of would stay.
        return self.session.call("lock", *self.session.owner, step="lock", stoppable=False)


def locked_by(holder: Event) -> str:
    """Who has the lock, since when, and how to get it."""
    since = moment(holder.get("since"), "%Y-%m-%d %H:%M")
    age = float(holder.get("age_seconds") or 0) / 60
    stale = ", so it is stale" if holder.get("stale") else ""
    words = f"locked by {holder.get('owner')} since {since}, last renewed {age:.0f} min ago{stale}"
    return f"{words}; BREAK_LOCK=1 takes it, when you are sure that run has ended"
