"""What each verb does, in the order it does it. Each returns its result's keys."""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from box import findings, status_report, unit_verbs, workstation_verbs
from box.activation import choice, commit_or_rollback, confirmation, process, situation
from box.container import health, placing, running
from box.program import provisioning
from box.server import service, supervisor
from box.state import history, locks, trial
from box.state.events import emit, say
from box.state.paths import Paths
from box.store import bundle_file, delivery, integrity, releases
from box.system import platforms, space
from common import manifest_reading, memory
from common.errors import KitError, UsageError
from common.watch import endpoint
from common.watch.record import reading

Result = dict[str, Any]
Asked = argparse.Namespace
LOG_LINES = 40


def _owner(asked: Asked) -> str:
    return asked.owner or "box"


def _permit(paths: Paths, asked: Asked) -> None:
    locks.permit(paths.deploy_lock, _owner(asked))


def provision(paths: Paths, asked: Asked) -> Result:
    _permit(paths, asked)
    signers = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    changed = provisioning.provision(paths, asked.address, asked.gateway, signers)
    if changed:
        history.record(paths.history, "provisioned", None, _owner(asked), True, changed=changed)
    return {"ok": True, "changed": changed}


def missing(paths: Paths, asked: Asked) -> Result:
    wanted = manifest_reading.parse(sys.stdin.buffer.read())
    idle = service.of(paths).state().phase in (service.STOPPED, service.FAILED)
    if idle and paths.runtime(wanted.runtime_id).is_dir():
        until = time.monotonic() + integrity.READ_SECONDS
        integrity.read_runtime(paths, wanted, until)  # why does nothing run? Sizes may be right and a content wrong
    return {"ok": True} | delivery.missing(paths, wanted)


def receive(paths: Paths, asked: Asked) -> Result:
    _permit(paths, asked)
    _settle_orphan(paths)
    with locks.alone(paths.work_lock, commit_or_rollback.BUSY, wait_seconds=30):
        try:
            result = delivery.receive(paths, asked.release)
        except KitError as error:
            history.record(paths.history, "received", asked.release, _owner(asked), False, error=error.message)
            raise
    history.record(paths.history, "received", asked.release, _owner(asked), True)
    return result


def plan(paths: Paths, asked: Asked) -> Result:
    """The manifest may come on stdin, before anything was sent; it is only compared, not trusted."""
    if here := releases.loaded(paths, asked.release):
        target = here
    elif sys.stdin is not None and not sys.stdin.isatty() and (content := sys.stdin.buffer.read()):
        target = manifest_reading.parse(content).on(platforms.OWN)
    else:
        raise UsageError(f"{asked.release} is not on this box", "give its manifest on stdin")
    platforms.require_gpu(target)
    confirmed, runs = releases.confirmed(paths), service.of(paths)
    chosen = choice.choose(target, situation.look(paths, runs, releases.loaded(paths, confirmed)))
    return {
        "ok": True,
        "how": chosen.how,
        "why": chosen.why,
        "runtime": "have" if integrity.runtime_stands(paths, target) else "build",
        "bytes": delivery.missing(paths, target)["bytes"],
        "running": confirmed,
        "memory_free_mb": round(memory.available() / space.MEGABYTE),
        "disk_free_mb": round(space.free_bytes(paths.home) / space.MEGABYTE),
    }


def _settle_orphan(paths: Paths) -> None:
    """A trial whose activation is gone is ended before anything else; one that is at work is left to it."""
    if trial.load(paths) and (done := commit_or_rollback.settle(paths, service.of(paths))):
        say(done)


def activate(paths: Paths, asked: Asked) -> Result:
    _permit(paths, asked)
    _settle_orphan(paths)
    space.require(paths.state, 0, "an activation")
    with locks.alone(paths.work_lock, commit_or_rollback.BUSY):
        if not paths.release(asked.release).is_dir():
            raise KitError(f"{asked.release} is not in place on this box", f"box.pyz receive {asked.release}")
    mark = uuid.uuid4().hex
    arguments = [asked.release, "--confirm-seconds", str(asked.confirm_seconds), "--mark", mark]
    arguments += ["--owner", _owner(asked)]
    lives = process.launch(paths, service.of(paths), arguments)
    for event in process.follow(paths, mark, lives):
        if event.get("event") == "result":
            return {key: value for key, value in event.items() if key != "event"}
        emit(event)
        if event.get("event") == "step":
            say(f"{event['step']}: {event['detail']}")
    raise KitError("the activation ended without a result", "box.pyz status; box.pyz logs")


def rollback(paths: Paths, asked: Asked) -> Result:
    target = asked.to or integrity.previous(paths)
    if not target:
        raise KitError("there is no earlier release on this box to go back to", "deploy the one you want")
    if target == releases.confirmed(paths):
        raise UsageError(f"{target} is what runs", f"the releases here: {', '.join(releases.here(paths))}")
    asked.release = target
    return activate(paths, asked) | {"release": target}


def confirm(paths: Paths, asked: Asked) -> Result:
    _permit(paths, asked)
    return confirmation.confirm(paths, service.of(paths), asked.release)


def revert(paths: Paths, asked: Asked) -> Result:
    _permit(paths, asked)
    return confirmation.revert(paths, service.of(paths))


def status(paths: Paths, asked: Asked) -> Result:
    return status_report.status(paths, service.of(paths))


def show_history(paths: Paths, asked: Asked) -> Result:
    return {"ok": True, "entries": history.last(paths.history, asked.n)}


def logs(paths: Paths, asked: Asked) -> Result:
    return {"ok": True, "lines": service.of(paths).log(0, asked.n)}


def diagnose(paths: Paths, asked: Asked) -> Result:
    return findings.as_result(findings.findings(paths, service.of(paths)))


def lock(paths: Paths, asked: Asked) -> Result:
    if not asked.owner:
        raise UsageError("name the owner of the lock", "lock --owner TEXT")
    locks.take(paths.deploy_lock, asked.owner, asked.break_held)
    return {"ok": True, "owner": asked.owner}


def unlock(paths: Paths, asked: Asked) -> Result:
    if not asked.owner:
        raise UsageError("name the owner of the lock", "unlock --owner TEXT")
    locks.release(paths.deploy_lock, asked.owner)
    return {"ok": True}


def _provision_for(paths: Paths, asked: Asked) -> None:
    """What the bundle that was named needs, from the words beside it."""
    signers = ""
    if asked.signers:
        try:
            signers = asked.signers.read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{asked.signers} cannot be read: {error.strerror}") from None
    if not asked.bundle.is_file():
        raise UsageError(f"{asked.bundle} does not exist")
    for change in provisioning.provision(paths, asked.address, asked.gateway, signers):
        say(change)


def place(paths: Paths, asked: Asked) -> Result:
    _provision_for(paths, asked)
    return placing.place(paths, asked.bundle)


def healthy(paths: Paths, asked: Asked) -> Result:
    if why := health.wrong(paths):
        raise KitError(f"not healthy: {why}")
    return {"ok": True}


def install(paths: Paths, asked: Asked) -> Result:
    _permit(paths, asked)
    _provision_for(paths, asked)
    wanted = bundle_file.bring_in(paths, asked.bundle)
    asked.release, asked.confirm_seconds = wanted.release, 60.0
    receive(paths, asked)
    result = activate(paths, asked)
    if not result["ok"]:
        return result
    return result | confirm(paths, asked) | {"waiting": False}


def show_record(paths: Paths, asked: Asked) -> Result:
    endpoint.flush(paths.metrics_socket)
    return {"ok": True, **reading.exported(paths.record, asked.since)}


# These change nothing, not even what they find damaged.
READING = ("missing", "plan", "status", "history", "logs", "doctor", "keys", "record", "samples", "healthy")
# These go on until they are ended, and their words are for people.
RUNNING: dict[str, Callable[[Paths, Asked], int]] = {
    "serve": lambda paths, _: supervisor.serve(paths),
    "run": lambda paths, asked: running.run(paths, asked.models),
}
VERBS: dict[str, Callable[[Paths, Asked], Result]] = {
    "provision": provision,
    "missing": missing,
    "receive": receive,
    "plan": plan,
    "activate": activate,
    "confirm": confirm,
    "revert": revert,
    "rollback": rollback,
    "status": status,
    "history": show_history,
    "logs": logs,
    "doctor": diagnose,
    "record": show_record,
    "samples": workstation_verbs.show_samples,
    "keys": workstation_verbs.show_keys,
    "change-keys": workstation_verbs.change_keys,
    "certificate": workstation_verbs.take_certificate,
    "notify": workstation_verbs.take_notify,
    "lock": lock,
    "unlock": unlock,
    "install": install,
    "place": place,
    "healthy": healthy,
    "uninstall": workstation_verbs.uninstall,
    "recover": unit_verbs.recover,
    "mend": unit_verbs.mend,
    "_activate": unit_verbs.run_activation,
    "_guard": unit_verbs.guard,
    "_settle": unit_verbs.settle,
}
