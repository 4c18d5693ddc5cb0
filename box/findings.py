"""What on this box is, or will be, in the way of a release; each finding with what to do."""

from __future__ import annotations

import importlib.util
import shutil
import time
from typing import Any

from box import damaged_files
from box.gateway import report
from box.server import runtime_check, startup
from box.server.service import FAILED, READY, Service
from box.state import history, trial
from box.state.paths import UNIT, Paths
from box.status_report import RECENT_SECONDS
from box.store import integrity, releases
from box.system import disk, mounts, platforms, space, units
from box.system.space import MEGABYTE
from common import memory
from common.manifest import Manifest
from common.words import count

Finding = dict[str, str]
ERROR, WARNING = "error", "warning"


def findings(paths: Paths, runs: Service) -> list[Finding]:
    integrity.read_runtimes(paths)
    found = [*_tools(), *_disk(paths), *_machine(paths, runs)]
    found += [
        _finding(ERROR, sentence, "deploy again: that puts it right") for sentence in damaged_files.damaged(paths)
    ]
    if unreadable := history.unreadable(paths.history):
        message = f"{count(unreadable, 'line')} of {paths.history} cannot be read"
        found.append(_finding(WARNING, message, "they do no harm; remove them by hand if you like"))
    release = releases.confirmed(paths)
    if not release:
        return [*found, _finding(WARNING, "no release was ever confirmed here", "deploy one")]
    if manifest := releases.loaded(paths, release):
        found += [*_release(manifest), *_runtime(paths, manifest, runs), *_memory(manifest, runs)]
    found += [_finding(WARNING, message, hint) for message, hint in report.troubles(paths, release)]
    return [*found, *_service(paths, runs)]


def _finding(severity: str, message: str, hint: str) -> Finding:
    return {"severity": severity, "message": message, "hint": hint}


def _tools() -> list[Finding]:
    found = []
    if not shutil.which("ssh-keygen"):
        found.append(
            _finding(ERROR, "ssh-keygen is not here: no bundle can be verified", "apt-get install openssh-client")
        )
    if importlib.util.find_spec("venv") is None:
        found.append(_finding(ERROR, "Python has no venv module: no runtime can be built", "apt-get install python3"))
    if not shutil.which("rsync"):
        found.append(
            _finding(
                WARNING, "rsync is not here: a workstation cannot send, only `install` works", "apt-get install rsync"
            )
        )
    return found


def _disk(paths: Paths) -> list[Finding]:
    for folder in (paths.home, paths.state):
        if why := disk.unwritable(folder):
            return [
                _finding(ERROR, why, "reboot the box, which checks its disk; replace the disk if that does not help")
            ]
    try:
        passing = disk.passing(paths.home) if paths.is_system else ""
    except OSError as error:
        told = space.trouble(error, paths.home, "this question")
        return [_finding(ERROR, told.message if told else str(error), "free space on this disk, or replace it")]
    if passing:
        return [_finding(ERROR, passing, "switch the overlay off (raspi-config), deploy, and switch it on again")]
    if lack := space.lack(paths.home, 0):
        return [_finding(ERROR, f"a switch {lack}", "free space on this disk")]
    return []


def _machine(paths: Paths, runs: Service) -> list[Finding]:
    """What the system does with the box's memory and mounts."""
    found = []
    if paths.is_system and not memory.can_be_limited():
        found.append(
            _finding(
                WARNING,
                "the kernel's memory control group is off: MemoryMax does not hold, and only the gate measures",
                "add cgroup_enable=memory to /boot/firmware/cmdline.txt, and boot",
            )
        )
    if (pid := runs.state().pid) and mounts.is_noexec(pid, paths.temp):
        message = f"{paths.temp} is mounted noexec for the server, and Java has to map its library there"
        found.append(_finding(ERROR, message, "box.pyz provision brings the unit that mounts it rightly"))
    return found


def _release(manifest: Manifest) -> list[Finding]:
    if manifest.python == platforms.own_python():
        return []
    message = f"{manifest.release} is for Python {manifest.python}, and this box has {platforms.own_python()} now"
    return [_finding(ERROR, message, f"make bundle BOX_PYTHON={platforms.own_python()}, and deploy that")]


def _runtime(paths: Paths, manifest: Manifest, runs: Service) -> list[Finding]:
    """Asked where nothing answers, since that takes seconds."""
    python = paths.runtime(manifest.runtime_id) / "bin/python"
    wrong = runtime_check.wrong(python) if runs.state().phase == FAILED else ""
    if not wrong:
        return []
    hint = "deploy again if it is damaged; or RUNTIME=onnx, or a torch for this processor (TORCH_INDEX)"
    return [_finding(ERROR, f"what runs the model does not work here: {wrong}", hint)]


def _service(paths: Paths, runs: Service) -> list[Finding]:
    found = []
    on_trial = trial.load(paths)
    if on_trial:
        found.append(_finding(WARNING, f"{on_trial.release} is on trial ({on_trial.phase})", "confirm or revert it"))
    state = runs.state()
    if state.phase != READY:
        why = startup.cause(runs, state, time.time() - RECENT_SECONDS) if state.phase == FAILED else state.why
        found.append(_finding(ERROR, f"the server is {state.phase}: {why}".removesuffix(": "), "box.pyz logs"))
    if paths.is_system and units.are_here() and units.systemctl("is-enabled", "--quiet", UNIT).returncode:
        found.append(_finding(ERROR, f"{UNIT} does not start at boot", f"systemctl enable {UNIT}"))
    return found


def _memory(manifest: Manifest, runs: Service) -> list[Finding]:
    pid = runs.state().pid
    room = memory.available(pid=pid) / MEGABYTE if pid else 0.0
    needed = manifest.gate.second_worker_mb
    if not pid or room >= needed:
        return []
    message = f"{room:,.0f} MB are free beside the server: a new model restarts it, a hot swap needs {needed:,.0f} MB"
    return [_finding(WARNING, message, "add memory if a second without answers matters")]


def as_result(found: list[Finding]) -> dict[str, Any]:
    return {"ok": not any(finding["severity"] == ERROR for finding in found), "findings": found}
