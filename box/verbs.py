"""What each verb does, in the order it does it. Each returns its result's keys."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from box import findings, status_report, workstation_verbs
from box.activation import activation, choice, commit_or_rollback, confirmation, process, situation
from box.gateway import following
from box.program import invocation, provisioning, self_repair
from box.server import boot_choice, failed_starts, service, supervisor
from box.state import history, locks, trial
from box.state.events import Journal, emit, say
from box.state.paths import Paths
from box.store import bundle_file, delivery, integrity, releases
from box.system import space
from box.watch import watching
from common import manifest, memory
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
    wanted = manifest.parse(sys.stdin.buffer.read())
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
        target = manifest.parse(content)
    else:
        raise UsageError(f"{asked.release} is not on this box", "give its manifest on stdin")
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


def install(paths: Paths, asked: Asked) -> Result:
    _permit(paths, asked)
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


def recover(paths: Paths, asked: Asked) -> Result:
    failed = failed_starts.count(paths) if asked.start else 0
    time.sleep(failed_starts.pause(failed))
    if failed_starts.looks_like_damage(failed):
        integrity.read_runtimes(paths)
    if asked.start:
        self_repair.mend(paths, starting=True)
    target = boot_choice.recover(paths)
    if asked.start:
        watching.prepare(paths)
        following.tried(paths, target)
    if target and releases.loaded(paths, target):
        service.of(paths).limit_memory(commit_or_rollback.memory_limit(paths, target))
    return {"ok": True, "release": target}


def mend(paths: Paths, asked: Asked) -> Result:
    changed = self_repair.mend(paths, starting=False)
    runs = service.of(paths)
    if changed and runs.state().phase in (service.STOPPED, service.FAILED):
        runs.start()
    return {"ok": True, "changed": changed}


def serve(paths: Paths) -> int:
    return supervisor.serve(paths)


def run_activation(paths: Paths, asked: Asked) -> Result:
    with locks.alone(paths.work_lock, commit_or_rollback.BUSY, wait_seconds=5):
        journal = Journal(paths.activation)
        journal.begin(mark=asked.mark, release=asked.release, owner=_owner(asked))
        history.record(paths.history, "activation", asked.release, _owner(asked), True)
        runs = service.of(paths)
        made = activation.Activation(paths, runs, asked.release, _owner(asked), asked.confirm_seconds, journal)
        return {"ok": made.run()}


def guard(paths: Paths, asked: Asked) -> Result:
    """What systemd's ExecStopPost does, where there is no systemd."""
    arguments = [asked.release, "--confirm-seconds", str(asked.confirm_seconds), "--mark", asked.mark]
    subprocess.run(
        [*invocation.command(paths), "_activate", *arguments, "--owner", _owner(asked)], env=invocation.environment()
    )
    return settle(paths, asked)


def settle(paths: Paths, asked: Asked) -> Result:
    return {"ok": True, "settled": commit_or_rollback.settle(paths, service.of(paths))}


# These change nothing, not even what they find damaged.
READING = ("missing", "plan", "status", "history", "logs", "doctor", "keys", "record", "samples")
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
    "recover": recover,
    "mend": mend,
    "_activate": run_activation,
    "_guard": guard,
    "_settle": settle,
}
