"""Takes a release into service on trial, and back out of it unless everything is right and the deployer confirms.

    a restart    verify → space → switch → start → gate → confirm
    a hot swap   verify → space → start → gate → switch → confirm

Up to `switch` nothing on the disk is changed. From there on `current` leads to the new release and `confirmed` to the
old one, so that whatever happens to this process (its unit's ExecStopPost), to the server or to the power, the old one
comes back. A hot swap starts the new version beside the one that answers, so that it can be proved before the switch.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from box.activation import choice, commit_or_rollback, confirmation, release_gate, situation
from box.activation.choice import Choice
from box.gateway import following, proof
from box.server import endpoints, startup
from box.server.service import Service
from box.state import trial
from box.state.events import Journal
from box.state.locks import alone
from box.state.paths import Paths
from box.state.trial import Trial
from box.store import confirmations, delivery, integrity, releases
from box.system import platforms, space
from box.system.space import MEGABYTE
from common import durable, memory, processes
from common.errors import KitError, SpaceError
from common.manifest import Manifest
from common.server import server_log
from common.words import count

POLL_SECONDS = 0.2
LOG_LINES = 40
LAST_WORDS_SECONDS = 5.0
RUN_BYTES = 4 * MEGABYTE


class Activation:
    def __init__(
        self, paths: Paths, runs: Service, release: str, owner: str, confirm_seconds: float, journal: Journal
    ) -> None:
        self.paths = paths
        self.runs = runs
        self.release = release
        self.owner = owner
        self.confirm_seconds = confirm_seconds
        self.journal = journal
        self.since = time.time()
        self.down_since = 0.0
        self.downtime_seconds = 0.0
        self.why_back = ""

    def run(self) -> bool:
        """The whole story. True when the release stays."""
        try:
            target = self._verify()
            previous = self._way_back()
            chosen = self._space(target, releases.loaded(self.paths, releases.confirmed(self.paths)))
            if chosen.how == choice.NONE:
                return self._stays_as_it_is(target)
        except (KitError, OSError) as error:
            return self._refused(error)
        on_trial = Trial(self.release, previous, chosen.how, self.owner, self.since)
        try:
            with space.explained(self.paths.home, "the switch"):
                measured = self._try(target, on_trial)
        except (KitError, OSError) as error:
            return self._failed(error, on_trial)
        self._await_confirm(on_trial, release_gate.describe(measured))
        return self._outcome(on_trial)

    def _verify(self) -> Manifest:
        """What this box has confirmed itself it may go back to, though the key that signed it be trusted no more."""
        if confirmations.noted(self.paths, self.release):
            self.journal.step("verify", "every part's sha256; this box confirmed it before")
            target = releases.load(self.paths, self.release)
        else:
            self.journal.step("verify", "the signature, and every part's sha256")
            target, _ = delivery.in_place(self.paths, self.release)
        platforms.require_gpu(target)
        if damage := integrity.damage(self.paths, self.release):
            raise KitError("; ".join(damage), f"deploy it again, or: box.pyz receive {self.release}")
        return target

    def _way_back(self) -> str | None:
        """The release to return to: the confirmed one, or when that is damaged the nearest before it that is not."""
        return integrity.last_good(self.paths) or releases.confirmed(self.paths)

    def _space(self, target: Manifest, running: Manifest | None) -> Choice:
        """Raises SpaceError while nothing is changed yet."""
        free = memory.available()
        chosen = choice.choose(target, situation.look(self.paths, self.runs, running))
        space.require(self.paths.home, 0, "a switch")
        space.require(self.paths.state, 0, "the history")
        if (free_there := space.free_bytes(self.paths.run)) < RUN_BYTES:
            raise SpaceError(
                f"{self.paths.run} has {space.megabytes(free_there)} free, and a server needs "
                f"{space.megabytes(RUN_BYTES)} there for its tokens and its state",
                "remove what fills /run on this box",
            )
        if chosen.how in (choice.RESTART, choice.FIRST):
            given_back = processes.proportional(processes.family(self.runs.state().pid)) if self.runs.state().pid else 0
            if (free + given_back) / MEGABYTE < target.gate.memory_free_mb:
                raise SpaceError(
                    f"too little memory: {target.gate.memory_free_mb:,.0f} MB are needed for a start, and "
                    f"{space.megabytes(free)} are free with {space.megabytes(given_back)} that the running server "
                    "gives back",
                    "end what else takes memory on this box; nothing was changed",
                )
        self.journal.step("space", f"{chosen.how}: {chosen.why}", gate_seconds=startup.longest(target))
        return chosen

    def _try(self, target: Manifest, on_trial: Trial) -> release_gate.Found:
        if before := endpoints.other_address(self.paths):
            durable.write(self.paths.address_before, before.encode())
        trial.save(self.paths, on_trial)
        if on_trial.previous:
            releases.prepare_way_back(self.paths, on_trial.previous)
        if on_trial.how == choice.HOT:
            return self._try_hot(target, on_trial)
        self.journal.step("switch", f"from {on_trial.previous or 'nothing'} to {self.release}")
        releases.switch(self.paths, self.paths.current, self.release)
        self.journal.step("start", "a restart" if on_trial.previous else "the first start")
        self.down_since = time.monotonic()
        state = startup.restart(self.paths, self.runs, target)
        self._count_downtime()
        if on_trial.previous is None:
            self.downtime_seconds = 0.0
        self.journal.step("gate", questions(target))
        measured = self._passed(self._examined(target, state.pid))
        self._front(target)
        return measured

    def _try_hot(self, target: Manifest, on_trial: Trial) -> release_gate.Found:
        swap = commit_or_rollback.hot_of(self.paths, on_trial)
        limits = [commit_or_rollback.memory_limit(self.paths, release) for release in (swap.old.release, self.release)]
        self.runs.limit_memory(max(limits))
        beside = ", ".join(f"{new.model.version} beside {old.model.version}" for old, new in swap.changes)
        self.journal.step("start", f"version {beside}")
        try:
            swap.register()
        except KitError as error:  # TorchServe says that it failed; the worker's own words say why
            cause = self._cause() or error.message
            raise KitError(f"{self.release} does not start beside {on_trial.previous}: {cause}") from None
        self.journal.step("gate", questions(target))
        measured = self._passed(swap.examine(self.runs.state().pid))
        self.journal.step("switch", f"from {on_trial.previous} to {self.release}, without a stop")
        releases.switch(self.paths, self.paths.current, self.release)
        swap.make_default()
        self._front(target)
        return measured

    def _front(self, target: Manifest) -> None:
        """The gateway stands before this release, and clients are answered through it. Raises KitError."""
        if following.follow(self.paths, target.release):
            for model in target.models:
                proof.prove(self.paths, model, integrity.first_golden(self.paths, model))

    def _examined(self, target: Manifest, server_pid: int) -> release_gate.Found:
        """What clients get."""
        inference, management = endpoints.inference(self.paths), endpoints.management(self.paths)
        taken = partial(release_gate.memory_mb, server_pid)
        examiners = [release_gate.Examiner(self.paths, one, inference, management) for one in target.models]
        return [(one.manifest, one.examine(taken)) for one in examiners]

    def _passed(self, found: release_gate.Found) -> release_gate.Found:
        if failures := release_gate.failures(found):
            raise KitError("; ".join(failures), gate=release_gate.describe(found))
        return found

    def _count_downtime(self) -> None:
        if self.down_since:
            self.downtime_seconds += time.monotonic() - self.down_since
            self.down_since = 0.0

    def _await_confirm(self, on_trial: Trial, measured: dict[str, Any]) -> None:
        """Say that the gate is passed, then wait until someone decides: confirm, revert, the deadline, a crash."""
        pid, deadline = self.runs.state().pid, time.monotonic() + self.confirm_seconds
        with alone(self.paths.decision_lock, commit_or_rollback.BUSY, wait_seconds=10):
            trial.save(self.paths, on_trial.to(trial.WAITING, deadline))
        self.journal.step("confirm", f"waiting {self.confirm_seconds:.0f} s for it")
        self.journal.result(
            ok=True,
            waiting=True,
            release=self.release,
            how=on_trial.how,
            downtime_seconds=round(self.downtime_seconds, 1),
            gate=measured,
        )
        self.why_back = confirmation.await_word(self.paths, self.runs, pid, deadline, self.confirm_seconds)

    def _outcome(self, on_trial: Trial) -> bool:
        if not self.why_back:
            self.journal.step("retire", f"{on_trial.previous or 'nothing'}")
            removed = commit_or_rollback.keep(self.paths, self.runs, on_trial)
            self.journal.end(ok=True, release=self.release, confirmed=True, removed=removed)
            return True
        log = self._log()
        self.journal.step("revert", self.why_back)
        outcome = commit_or_rollback.back_and_told(self.paths, self.runs, on_trial, self.why_back)
        self.journal.end(
            **{"ok": False, "rolled_back": outcome.went_back, "release": self.release, "running": outcome.running},
            log=log,
            error=self.why_back + outcome.trouble,
        )
        return False

    def _failed(self, error: KitError | OSError, on_trial: Trial) -> bool:
        why = str(error)
        log = self._log()
        self.journal.step("revert", why)
        outcome = commit_or_rollback.back_and_told(self.paths, self.runs, on_trial, why)
        self._count_downtime()
        self.journal.result(
            **{"ok": False, "rolled_back": outcome.went_back, "release": self.release, "running": outcome.running},
            **{"how": on_trial.how, "downtime_seconds": round(self.downtime_seconds, 1), "log": log},
            **(error.facts if isinstance(error, KitError) else {}),
            error=f"{why}{outcome.trouble}",
            hint=getattr(error, "hint", "") or "look at the log lines; then fix the release and deploy it again",
        )
        return False

    def _cause(self) -> str:
        """The line of the log that says why. It may come a moment after the answer that it explains."""
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        while not (cause := server_log.line_that_matters(self._log(400))) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return cause

    def _log(self, count: int = LOG_LINES) -> list[str]:
        """A log that cannot be read does not stop the way back."""
        try:
            return self.runs.log(self.since, count)
        except OSError as error:
            return [f"the log cannot be read: {error}"]

    def _refused(self, error: KitError | OSError) -> bool:
        self.journal.result(
            **{"ok": False, "rolled_back": False, "release": self.release, "log": []},
            error=str(error),
            hint=getattr(error, "hint", ""),
        )
        return False

    def _stays_as_it_is(self, target: Manifest) -> bool:
        self.journal.step("gate", "it is already running: asked again")
        measured = self._passed(self._examined(target, self.runs.state().pid))
        self._front(target)
        commit_or_rollback.tidy(self.paths)
        self.journal.result(
            **{"ok": True, "waiting": False, "release": self.release, "how": choice.NONE, "downtime_seconds": 0.0},
            gate=release_gate.describe(measured),
        )
        return True


def questions(target: Manifest) -> str:
    """What the gate asks."""
    requests, pictures = (
        sum(numbers) for numbers in zip(*((one.gate.requests, len(one.golden)) for one in target.models), strict=True)
    )
    return f"{count(requests, 'request')}, {count(pictures, 'golden picture')}"
