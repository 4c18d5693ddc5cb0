"""Take a box back to the release it had confirmed before."""

from __future__ import annotations

from kit.fleet.host.jobs import HostJobs, Refusal
from kit.fleet.host.release_switch import end_trial, switch
from kit.fleet.host.result import Kind
from kit.fleet.host.staged_release import unfit
from kit.fleet.host.survey import DAMAGED
from kit.fleet.ssh.remote import BoxError, Event


class Rollback(HostJobs):
    """A box's jobs in `make rollback`."""

    def prepare(self) -> Kind:
        self._fit()
        if self.facts.bare:
            self.result.error = "a bare box: it has nothing to go back from"
            return Kind.UNCHANGED
        if not self.facts.program and not self.facts.whole:
            raise BoxError(DAMAGED)
        self.take_lock()
        return Kind.READY

    def change(self) -> Kind:
        self.renew_lock()
        status = end_trial(self.session, self.session.call("status", step="look"))
        self.result.before = str(status.get("confirmed") or "")
        self.session.heard(status)
        target = previous(status)
        self.session.remember(target)
        switch(self.session, target, "rollback", "--to", target)
        return Kind.CHANGED

    def plan(self) -> Event:
        self._fit()
        status = self.session.call("status", step="look")
        return {"how": "rollback", "why": f"from {status.get('confirmed')} to {previous(status)}"}

    def _fit(self) -> None:
        """Raises Refusal for a box that cannot go back."""
        self.reach()
        if why := unfit(self.facts):
            raise Refusal(why)


def previous(status: Event) -> str:
    """The release a box had confirmed before the one it runs. Raises BoxError when it keeps none."""
    if not (release := str(status.get("previous") or "")):
        raise BoxError(f"it keeps no release older than {status.get('confirmed')}")
    return release
