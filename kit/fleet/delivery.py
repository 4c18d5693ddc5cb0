"""Bring a release to a box."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from kit.fleet.engine import Kind
from kit.fleet.inventory import Box
from kit.fleet.outcome import Account
from kit.fleet.parcel import Parcel, matching, unfit
from kit.fleet.remote import BoxError, Event, Facts, Remote
from kit.fleet.visit import Orders, Refusal, Visit, Watch

BUNDLES = "make bundle PROFILE=… PLATFORM=… PYTHON=…"


class Delivery(Visit):
    """A box's turns when a release is deployed."""

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
        self._take_lock()
        return Kind.READY

    def change(self) -> Kind:
        self._renew_lock()
        self._update_program()
        self._provision()
        if self._has_it():
            return Kind.UNCHANGED
        self._receive()
        self._remember(self._parcel.release)
        self._switch_to(self._parcel.release, "activate", self._parcel.release)
        return Kind.CHANGED

    def plan(self) -> Event:
        """What `change` would do, with nothing changed. A bare box has no program to ask."""
        facts = self._fit()
        if not facts.program:
            return {
                "how": "first",
                "why": "a bare box: it is provisioned first",
                "runtime": "build",
                "bytes": self._parcel.size,
            }
        self._read_status()
        return self._checked(self._call("plan", self._parcel.release, stdin=self._parcel.manifest, step="plan"))

    def _fit(self) -> Facts:
        """Raises Refusal for a box that no bundle fits."""
        facts = self._reach()
        if why := unfit(facts):
            raise Refusal(why)
        parcel = matching(facts, self._parcels)
        if parcel is None:
            have = "; ".join(one.target for one in self._parcels)
            raise Refusal(f"it is linux_{facts.machine}, Python {facts.python}; the bundles are for {have}: {BUNDLES}")
        self._parcel = parcel
        self.account.release = parcel.release
        return facts

    def _have_a_program(self) -> None:
        """A bare box gets the program first, since the lock is the program's; it changes nothing by lying there."""
        assert self._facts
        if not self._facts.program:
            if not self.orders.signers:
                raise Refusal("a bare box: say whose bundles it is to trust with SIGNERS=allowed_signers")
            self._install_program("program installed")

    def _update_program(self) -> None:
        assert self._facts
        if self._facts.program not in ("", self._parcel.program_sha256):
            self._install_program("program updated")

    def _install_program(self, said: str) -> None:
        self._begin_step("program")
        self.remote.install(self._parcel.program, self._parcel.program_sha256)
        self.account.changes.append(said)

    def _provision(self) -> None:
        """User, folders, unit, trusted keys and address as the fleet file has them; changes nothing where they are."""
        address = ("--address", self._box.inference_address) if self._box.inference_address else ()
        signers = self.orders.signers.encode()
        result = self._checked(self._call("provision", *address, *self._owner, stdin=signers, step="provision"))
        self.account.changes += map(str, result.get("changed") or ())

    def _has_it(self) -> bool:
        """It confirmed this release, and answers."""
        status = self._read_status()
        return (
            status.get("confirmed") == self._parcel.release
            and not status.get("on_trial")
            and bool(status.get("answers"))
        )

    def _read_status(self) -> Event:
        status = self._call("status", step="look")
        confirmed = str(status.get("confirmed") or "")
        # A run that is resumed knows what the box had at first; what it has now may be this very release.
        self.account.before = self.account.before or confirmed
        self.account.running = str(status.get("release") or confirmed)
        return status

    def _receive(self) -> None:
        """Send what the box lacks, and have it checked there; once more when a part arrived damaged."""
        for again in (True, False):
            self._send_missing()
            result = self._call("receive", self._parcel.release, *self._owner, step="receive", heard=self._heard)
            if result.get("ok") or not (again and result.get("damaged")):
                break
        self._checked(result)

    def _send_missing(self) -> None:
        need = self._checked(self._call("missing", stdin=self._parcel.manifest, step="compare"))
        if not need.get("enough", True):
            needed, free = (int(need[key]) >> 20 for key in ("needed_bytes", "disk_free_bytes"))
            raise BoxError(f"its disk has {free:,} MB free, and {needed:,} MB are needed")
        self._begin_step("send")
        missing = [str(part["sha256"]) for part in need["missing"]]
        self.remote.send(self._parcel.folder, self._parcel.files(missing), self._progress)
