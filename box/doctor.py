"""What on this box is, or will be, in the way of a release; each finding with its remedy."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

from box import memory, platforms, receiving, releases, runtime, settings, space, trial
from box.errors import BoxError
from box.manifest import Manifest
from box.paths import Paths
from box.service import READY, UNIT, Service
from box.space import MEGABYTE

Finding = dict[str, str]
ERROR, WARNING = "error", "warning"


def findings(paths: Paths, runs: Service) -> list[Finding]:
    found = [*_tools(), *_settings(paths), *_disk(paths)]
    release = releases.confirmed(paths)
    if not release:
        return [*found, _finding(WARNING, "no release was ever confirmed here", "deploy one")]
    try:
        manifest = releases.load(paths, release)
    except BoxError as error:
        return [*found, _finding(ERROR, error.message, "deploy it again")]
    return [*found, *_release(paths, manifest), *_service(paths, runs), *_memory(manifest, runs)]


def _finding(severity: str, message: str, remedy: str) -> Finding:
    return {"severity": severity, "message": message, "remedy": remedy}


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
            _finding(WARNING, "rsync is not here: a desk cannot send, only `install` works", "apt-get install rsync")
        )
    return found


def _settings(paths: Paths) -> list[Finding]:
    found = []
    try:
        settings.load(paths.settings)
    except BoxError as error:
        found.append(_finding(ERROR, error.message, error.mend or f"mend {paths.settings}"))
    if not paths.allowed_signers.is_file() or not paths.allowed_signers.read_text(encoding="utf-8").strip():
        found.append(_finding(ERROR, "this box trusts no key", "box.pyz provision < allowed_signers"))
    return found


def _disk(paths: Paths) -> list[Finding]:
    free = space.free_bytes(paths.home)
    if free >= space.RESERVE:
        return []
    message = f"{space.megabytes(free)} are free at {paths.home}, a switch needs {space.megabytes(space.RESERVE)}"
    return [_finding(ERROR, message, "free space on this disk")]


def _release(paths: Paths, manifest: Manifest) -> list[Finding]:
    found = []
    if damaged := receiving.damaged_parts(paths, manifest):
        names = ", ".join(part.path for part in damaged)
        found.append(_finding(ERROR, f"{manifest.release}: {names} is not what was signed", "deploy it again"))
    if not runtime.stands(paths, manifest):
        found.append(_finding(ERROR, f"the runtime of {manifest.release} does not stand", "deploy it again"))
    if manifest.python != platforms.own_python():
        message = f"{manifest.release} is for Python {manifest.python}, and this box has {platforms.own_python()} now"
        found.append(_finding(ERROR, message, f"make bundle PYTHON={platforms.own_python()}, and deploy that"))
    return found


def _service(paths: Paths, runs: Service) -> list[Finding]:
    found = []
    on_trial = trial.load(paths)
    if on_trial:
        found.append(_finding(WARNING, f"{on_trial.release} is on trial ({on_trial.phase})", "confirm or revert it"))
    state = runs.state()
    if state.phase != READY:
        found.append(_finding(ERROR, f"the server is {state.phase} {state.why}".strip(), "box.pyz logs"))
    if paths.is_system and Path("/run/systemd/system").is_dir():
        enabled = subprocess.run(["systemctl", "is-enabled", "--quiet", UNIT], stdin=subprocess.DEVNULL)
        if enabled.returncode:
            found.append(_finding(ERROR, f"{UNIT} does not start at boot", f"systemctl enable {UNIT}"))
    return found


def _memory(manifest: Manifest, runs: Service) -> list[Finding]:
    pid = runs.state().pid
    room = memory.available(pid=pid) / MEGABYTE if pid else 0.0
    needed = manifest.gate.second_worker_mb
    if not pid or room >= needed:
        return []
    message = f"{room:,.0f} MB are free beside the server: a new model restarts it, a hot swap needs {needed:,.0f} MB"
    return [_finding(WARNING, message, "more memory, if a second without answers matters")]


def as_result(found: list[Finding]) -> dict[str, Any]:
    return {"ok": not any(finding["severity"] == ERROR for finding in found), "findings": found}
