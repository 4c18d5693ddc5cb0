"""Take a box back to the release it had confirmed before."""

from __future__ import annotations

import threading

from kit.fleet.engine import Kind
from kit.fleet.inventory import Box
from kit.fleet.outcome import Account
from kit.fleet.parcel import unfit
from kit.fleet.remote import BoxError, Event, Remote
from kit.fleet.visit import Orders, Refusal, Visit, Watch


class Reversal(Visit):
    """A box's turns in `make rollback`."""

    def __init__(self, box: Box, remote: Remote, orders: Orders, watch: Watch, stopping: threading.Event) -> None:
        super().__init__(Account(box.name), remote, orders, watch, stopping)

    def prepare(self) -> Kind:
        facts = self._reach()
        if why := unfit(facts) or ("" if facts.program else "a bare box: it has no release to go back to"):
            raise Refusal(why)
        self._take_lock()
        return Kind.READY

    def change(self) -> Kind:
        self._renew_lock()
        status = self._call("status", step="look")
        self.account.before = self.account.running = str(status.get("confirmed") or "")
        target = previous(status)
        self._remember(target)
        self._switch_to(target, "rollback", "--to", target)
        return Kind.CHANGED

    def plan(self) -> Event:
        """What `change` would do, with nothing changed."""
        self._reach()
        status = self._call("status", step="look")
        return {"how": "rollback", "why": f"from {status.get('confirmed')} to {previous(status)}"}


def previous(status: Event) -> str:
    """The release a box had confirmed before the one it runs. Raises BoxError when it keeps none."""
    if not (release := str(status.get("previous") or "")):
        raise BoxError(f"it keeps no release older than {status.get('confirmed')}")
    return release
