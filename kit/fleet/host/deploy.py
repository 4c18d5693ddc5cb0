"""Bring a release to a box."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from common.watch import notifying
from kit.fleet.gateway import certificate, client_keys
from kit.fleet.gateway.certificate import Given
from kit.fleet.host.jobs import HostJobs, Refusal
from kit.fleet.host.release_switch import end_trial, switch
from kit.fleet.host.result import Kind
from kit.fleet.host.session import HostSession
from kit.fleet.host.staged_release import StagedRelease, matching, unfit
from kit.fleet.inventory.fleet import Box
from kit.fleet.ssh.remote import BoxError, Event
from kit.gateway import places

REPLACED = "replaced the program: it was damaged"
BUNDLES = "make bundle PROFILE=… PLATFORM=… BOX_PYTHON=…"


class Deploy(HostJobs):
    """A box's jobs when a release is deployed."""

    staged: StagedRelease

    def __init__(self, session: HostSession, box: Box, staged_releases: Sequence[StagedRelease]) -> None:
        super().__init__(session)
        self._box, self._staged_releases = box, staged_releases

    def prepare(self) -> Kind:
        self._fit()
        self._have_a_program()
        self.take_lock()
        return Kind.READY

    def change(self) -> Kind:
        self.renew_lock()
        self._update_program()
        changed = self._provision()
        status = self.session.call("status", step="look")
        self._look_after_gateway(status)
        self._say_whom_to_notify(status)
        if self._has_it(status) and not changed:
            return Kind.UNCHANGED
        self._send_and_receive()
        self.session.remember(self.staged.release)
        switch(self.session, self.staged.release, "activate", self.staged.release)
        return Kind.UNCHANGED if self.result.how == "none" else Kind.CHANGED

    def plan(self) -> Event:
        self._fit()
        if not self.facts.program and not self.facts.whole:
            why = "a bare box: it is provisioned first" if self.facts.bare else "its program is damaged: replaced first"
            return {"how": "first", "why": why, "runtime": "build", "bytes": self.staged.size}
        manifest = self.staged.manifest
        return self.session.checked(self.session.call("plan", self.staged.release, stdin=manifest, step="plan"))

    def _fit(self) -> None:
        """Raises Refusal for a box that no bundle fits."""
        self.reach()
        if why := unfit(self.facts):
            raise Refusal(why)
        staged = matching(self.facts, self._staged_releases)
        if staged is None:
            have = "; ".join(one.target for one in self._staged_releases)
            target = f"linux_{self.facts.machine}, Python {self.facts.python}"
            raise Refusal(f"it is {target}, and the bundles are for {have} → {BUNDLES}")
        self.staged = staged
        self.result.release = staged.release
        self._program = self.facts.program

    def _have_a_program(self) -> None:
        """A bare box gets the program first, since the lock is the program's; it changes nothing by lying there. So
        does one that has no whole copy of it left."""
        if self.facts.bare and not self.session.options.signers:
            raise Refusal("a bare box has to be told whose bundles to trust → SIGNERS=allowed_signers")
        if not self.facts.program and not self.facts.whole:
            self._install_program("installed the program" if self.facts.bare else REPLACED)

    def _update_program(self) -> None:
        if self._program != self.staged.program_sha256:
            self._install_program("updated the program" if self._program else REPLACED)

    def _install_program(self, said: str) -> None:
        self.session.begin("program")
        self.session.remote.install(self.staged.program, self.staged.program_sha256)
        self._program = self.staged.program_sha256
        self.result.changes.append(said)

    def _provision(self) -> list[str]:
        """User, folders, unit, trusted keys and address as the fleet file has them. Returns what had to be changed."""
        address = ("--address", self._box.inference_address) if self._box.inference_address else ()
        front = self._box.gateway_address or (self._box.first_gateway if self.facts.bare else "")
        gateway = ("--gateway", front) if front else ()
        signers = self.session.options.signers.encode()
        result = self.session.call(
            "provision", *address, *gateway, *self.session.owner, stdin=signers, step="provision"
        )
        changed = [str(change) for change in self.session.checked(result).get("changed") or ()]
        self.result.changes += changed
        return changed

    def _look_after_gateway(self, status: Event) -> None:
        """Its certificate, renewed when that is due, and what its clients' keys still lack. Before the release, whose
        gate asks through it. What cannot be renewed from here is told, and keeps no release back."""
        name, told, changes = self._box.name, status.get("gateway"), self.result.changes
        try:
            due = certificate.wanted(name, told, places.authority(), Given())
            changes += client_keys.send(places.unsent(), name, lambda verb, said: self.session.call(verb, stdin=said))
        except BoxError as error:
            due = None
            changes.append(f"NOT DONE at the gateway: {error}")
        if due:
            document, why = due
            self.session.checked(self.session.call("certificate", stdin=json.dumps(document).encode()))
            changes.append(f"sent the gateway's certificate: {why}")

    def _say_whom_to_notify(self, status: Event) -> None:
        wanted = self.session.options.notify
        digest = "" if wanted == notifying.NONE else hashlib.sha256(wanted.encode()).hexdigest()
        if wanted and digest != status.get("notify_sha256", ""):
            told = json.dumps({"notify": wanted}).encode()
            self.session.checked(self.session.call("notify", stdin=told))
            self.result.changes.append("it tells nobody of alerts" if not digest else "it was told whom to notify")

    def _has_it(self, status: Event) -> bool:
        """It confirmed this release, runs it, answers, and nothing on it is damaged. What an earlier run left on trial
        is brought to its end first."""
        # A run that is resumed knows what the box had at first; what it has now may be this very release.
        self.result.before = self.result.before or str(status.get("confirmed") or "")
        status = end_trial(self.session, status, self.staged.release)
        self.session.heard(status)
        runs = self.result.running == status.get("confirmed") == self.staged.release
        return runs and not status.get("damaged")

    def _send_and_receive(self) -> None:
        """Send what the box lacks, and have it checked there; once more when a part arrived damaged."""
        for again in (True, False):
            self._send_missing()
            result = self.session.call("receive", self.staged.release, *self.session.owner, step="receive")
            if result.get("ok") or not (again and result.get("damaged")):
                break
        self.session.checked(result)

    def _send_missing(self) -> None:
        need = self.session.checked(self.session.call("missing", stdin=self.staged.manifest, step="compare"))
        if why := need.get("why_not"):
            raise BoxError(str(why))
        if not need.get("enough", True):
            needed, free = (int(need[key]) / 1e6 for key in ("needed_bytes", "disk_free_bytes"))
            raise BoxError(f"its disk has {free:,.0f} MB free and should have {needed:,.0f} MB")
        self.session.begin("send")
        missing = [str(part["sha256"]) for part in need["missing"]]
        self.session.remote.send(self.staged.folder, self.staged.files(missing), self.session.progress)
