"""First contact: what a bare box needs before a release can come. Done again it changes nothing, and says so."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import replace

from box.program import installed
from box.state import settings
from box.state.paths import Paths
from box.store import delivery
from common.errors import KitError, UsageError

USER = "vision-serve"


def provision(paths: Paths, address: str, signers: str) -> list[str]:
    """Sentences on what was changed. `address`, `signers`: "" leaves what is there."""
    if paths.is_system and os.geteuid() != 0:
        raise UsageError("provisioning a box needs root", "sudo python3 box.pyz provision")
    if why := delivery.why_not(paths):
        raise KitError(f"this box can take no release: {why}", "boot it from a disk that keeps what is written")
    changed: list[str] = []
    if paths.is_system:
        changed += _user()
    for folder, mode in (
        (paths.home, 0o755),
        (paths.incoming, 0o700),
        (paths.incoming_blobs, 0o700),
        (paths.blobs, 0o755),
        (paths.releases, 0o755),
        (paths.runtimes, 0o755),
        (paths.settings.parent, 0o755),
        (paths.state, 0o755),
        (paths.unit.parent, 0o755),
    ):
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(mode)
            changed.append(f"made the folder {folder}")
    changed += _settings(paths, address)
    if signers.strip():
        changed += installed.put(paths.allowed_signers, signers.encode(), 0o644, "the keys that this box trusts")
    changed += installed.program(paths)
    changed += installed.units(paths)
    if changed:
        os.sync()  # what useradd and systemctl wrote, too: the next power cut may come before the first release
    return changed


def _user() -> list[str]:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        _run(
            [
                *("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"),
                *("--shell", "/usr/sbin/nologin", "--comment", "Answers predictions", USER),
            ]
        )
        return [f"made the user {USER}"]
    return []


def _settings(paths: Paths, address: str) -> list[str]:
    """A box.json that is damaged, or says what cannot be, is replaced by the last settings that were right. Raises
    UsageError for an address that is none."""
    wrong, before = settings.problem(paths), settings.load(paths)
    if address:
        settings.check_address(address)
        before = replace(before, inference_address=address)
    verb = "replaced" if paths.settings.exists() else "wrote"
    if not settings.save(paths, before):
        return []
    because = f" ({wrong})" if wrong else ""
    return [f"{verb} {paths.settings}: the address {before.inference_address}{because}"]


def _run(command: list[str]) -> None:
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if run.returncode:
        raise KitError(f"{' '.join(command[:2])} failed: {run.stderr.strip()}", "fix that on the box, then repeat")
