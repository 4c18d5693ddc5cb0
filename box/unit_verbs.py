"""What the units of systemd ask of this program, and what it asks of itself."""

from __future__ import annotations

import argparse
import subprocess
import time
from typing import Any

from box.activation import activation, commit_or_rollback
from box.gateway import following
from box.program import invocation, self_repair
from box.server import boot_choice, failed_starts, service
from box.state import history, locks
from box.state.events import Journal
from box.state.paths import Paths
from box.store import integrity, releases
from box.watch import watching

Result = dict[str, Any]
Asked = argparse.Namespace


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


def run_activation(paths: Paths, asked: Asked) -> Result:
    with locks.alone(paths.work_lock, commit_or_rollback.BUSY, wait_seconds=5):
        journal = Journal(paths.activation)
        journal.begin(mark=asked.mark, release=asked.release, owner=asked.owner)
        history.record(paths.history, "activation", asked.release, asked.owner, True)
        runs = service.of(paths)
        made = activation.Activation(paths, runs, asked.release, asked.owner, asked.confirm_seconds, journal)
        return {"ok": made.run()}


def guard(paths: Paths, asked: Asked) -> Result:
    """What systemd's ExecStopPost does, where there is no systemd."""
    arguments = [asked.release, "--confirm-seconds", str(asked.confirm_seconds), "--mark", asked.mark]
    subprocess.run(
        [*invocation.command(paths), "_activate", *arguments, "--owner", asked.owner],
        env=invocation.environment(),
    )
    return settle(paths, asked)


def settle(paths: Paths, asked: Asked) -> Result:
    return {"ok": True, "settled": commit_or_rollback.settle(paths, service.of(paths))}
