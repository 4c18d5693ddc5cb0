"""Bring a release to a box."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from kit.fleet.host.jobs import Refusal, Visit
from kit.fleet.host.release_switch import end_trial, switch
from kit.fleet.host.remote import BoxError, Event, Remote
from kit.fleet.host.result import Account
from kit.fleet.host.session import Orders, Watch
from kit.fleet.inventory.fleet import Box
from kit.fleet.rollout.staged_release import Parcel, matching, unfit
from kit.fleet.rollout.wave_engine import Kind

REPLACED = "replaced the program: it was damaged"
BUNDLES = "make bundle PROFILE=… PLATFORM=… PYTHON=…"


class Delivery(Visit):
    """A box's turns when a release is deployed."""

    parcel: Parcel

    def __init__(
        self,
        box: Box,
        parcels: Sequence[Parcel],
        remote: Remote,
        orders: Orders,
        watch: Watch,
        stopping: threading.Event,
    ) -> None:
        super().__init__(Account(box.name), remote, orders, watch, stopping)
        self._box, self._parcels = box, parcels

    def prepare(self) -> Kind:
        self._fit()
        self._have_a_program()
        self.take_lock()
        return Kind.READY

    def change(self) -> Kind:
        self.renew_lock()
        self._update_program()
        changed = self._provision()
        if self._has_it() and not changed:
            return Kind.UNCHANGED
        self._send_and_receive()
        self.turn.remember(self.parcel.release)
        switch(self.turn, self.parcel.release, "activate", self.parcel.release)
        return Kind.UNCHANGED if self.account.how == "none" else Kind.CHANGED

    def plan(self) -> Event:
        self._fit()
        if not self.facts.program and not self.facts.whole:
            why = "a bare box: it is provisioned first" if self.facts.bare else "its program is damaged: replaced first"
            return {"how": "first", "why": why, "runtime": "build", "bytes": self.parcel.size}
        manifest = self.parcel.manifest
        return self.turn.checked(self.turn.call("plan", self.parcel.release, stdin=manifest, step="plan"))

    def _fit(self) -> None:
        """Raises Refusal for a box that no bundle fits."""
        self.reach()
        if why := unfit(self.facts):
            raise Refusal(why)
        parcel = matching(self.facts, self._parcels)
        if parcel is None:
            have = "; ".join(one.target for one in self._parcels)
            target = f"linux_{self.facts.machine}, Python {self.facts.python}"
            raise Refusal(f"it is {target}, and the bundles are for {have} → {BUNDLES}")
        self.parcel = parcel
        self.account.release = parcel.release
        self._program = self.facts.program

    def _have_a_program(self) -> None:
        """A bare box gets the program first, since the lock is the program's; it changes nothing by lying there. So
        does one that has no whole copy of it left."""
        if self.facts.bare and not self.turn.orders.signers:
            raise Refusal("a bare box has to be told whose bundles to trust → SIGNERS=allowed_signers")
        if not self.facts.program and not self.facts.whole:
            self._install_program("installed the program" if self.facts.bare else REPLACED)

    def _update_program(self) -> None:
        if self._program != self.parcel.program_sha256:
            self._install_program("updated the program" if self._program else REPLACED)

    def _install_program(self, said: str) -> None:
        self.turn.begin("program")
        self.turn.remote.install(self.parcel.program, self.parcel.program_sha256)
        self._program = self.parcel.program_sha256
        self.account.changes.append(said)

    def _provision(self) -> list[str]:
        """User, folders, unit, trusted keys and address as the fleet file has them. Returns what had to be changed."""
        address = ("--address", self._box.inference_address) if self._box.inference_address else ()
        signers = self.turn.orders.signers.encode()
        result = self.turn.call("provision", *address, *self.turn.owner, stdin=signers, step="provision")
        changed = [str(change) for change in self.turn.checked(result).get("changed") or ()]
        self.account.changes += changed
        return changed

    def _has_it(self) -> bool:
        """It confirmed this release, runs it, answers, and nothing on it is damaged. What an earlier run left on trial
        is brought to its end first."""
        status = self.turn.call("status", step="look")
        # A run that is resumed knows what the box had at first; what it has now may be this very release.
        self.account.before = self.account.before or str(status.get("confirmed") or "")
        status = end_trial(self.turn, status, self.parcel.release)
        self.turn.heard(status)
        runs = self.account.running == status.get("confirmed") == self.parcel.release
        return runs and not status.get("damaged")

    def _send_and_receive(self) -> None:
        """Send what the box lacks, and have it checked there; once more when a part arrived damaged."""
        for again in (True, False):
            self._send_missing()
            result = self.turn.call("receive", self.parcel.release, *self.turn.owner, step="receive")
            if result.get("ok") or not (again and result.get("damaged")):
                break
        self.turn.checked(result)

    def _send_missing(self) -> None:
        need = self.turn.checked(self.turn.call("missing", stdin=self.parcel.manifest, step="compare"))
        if why := need.get("why_not"):
            raise BoxError(str(why))
        if not need.get("enough", True):
            needed, free = (int(need[key]) / 1e6 for key in ("needed_bytes", "disk_free_bytes"))
            raise BoxError(f"its disk has {free:,.0f} MB free and should have {needed:,.0f} MB")
        self.turn.begin("send")
        missing = [str(part["sha256"]) for part in need["missing"]]
        self.turn.remote.send(self.parcel.folder, self.parcel.files(missing), self.turn.progress)
