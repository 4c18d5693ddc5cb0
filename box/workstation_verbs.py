"""How a workstation looks after what outlives releases: the gateway's keys, its certificate, whom to notify, the
pictures kept; and how all of it goes. Done again, these verbs change nothing.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from contextlib import suppress
from typing import Any

from box.activation.commit_or_rollback import BUSY
from box.gateway import certificate, client_keys, following, nginx
from box.program import removal
from box.server import service
from box.state import history, locks, trial
from box.state.paths import Paths
from box.store import releases
from box.watch import notify
from common import samples
from common.errors import KitError, UsageError

Result = dict[str, Any]


def show_samples(paths: Paths, asked: argparse.Namespace) -> Result:
    """All that there are; with `take` those of {"paths": […]} that are still there, with what is in them."""
    there = {one.path: vars(one) for one in samples.listed(paths.samples)}
    if not asked.take:
        return {"ok": True, "samples": list(there.values())}
    found = []
    for path in _told().get("paths", ()):
        with suppress(OSError):  # it has expired just now
            if path in there:
                content = (paths.samples / path).read_bytes()
                found.append(there[path] | {"content": base64.b64encode(content).decode()})
    return {"ok": True, "samples": found}


def show_keys(paths: Paths, asked: argparse.Namespace) -> Result:
    return {"ok": True, "keys": client_keys.listed(paths)}


def change_keys(paths: Paths, asked: argparse.Namespace) -> Result:
    changed = client_keys.change(paths, _told())
    if changed:
        history.record(paths.history, "keys", None, asked.owner or "box", True, changed=changed)
    return {"ok": True, "changed": changed}


def take_certificate(paths: Paths, asked: argparse.Namespace) -> Result:
    told = _told()
    with locks.alone(paths.work_lock, BUSY, wait_seconds=30):
        changed = certificate.save(paths, told)
        if changed and (release := releases.to_run(paths)):
            following.follow(paths, release)
    return {"ok": True, "changed": changed}


def take_notify(paths: Paths, asked: argparse.Namespace) -> Result:
    return {"ok": True, "changed": notify.save(paths, _told())}


def uninstall(paths: Paths, asked: argparse.Namespace) -> Result:
    locks.permit(paths.deploy_lock, asked.owner or "box")
    if paths.is_system and os.geteuid() != 0:
        raise UsageError("uninstalling a box needs root", "sudo python3 box.pyz uninstall")
    if on_trial := trial.load(paths):
        raise KitError(f"{on_trial.release} is on trial", "box.pyz confirm or box.pyz revert, then repeat")
    with locks.alone(paths.work_lock, BUSY):
        nginx.of(paths).stop()
        service.of(paths).stop()
        return {"ok": True, "changed": removal.remove(paths)}


def _told() -> dict[str, Any]:
    try:
        told = json.load(sys.stdin)
    except ValueError as error:
        raise UsageError(f"what came on stdin is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise UsageError("what came on stdin is no JSON object")
    return told
