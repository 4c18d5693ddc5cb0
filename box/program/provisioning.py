"""First contact: what a bare box needs before a release can come. Done again it changes nothing, and says so."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace

from box.program import installed
from box.state import settings
from box.state.paths import USER, Paths
from box.store import delivery
from box.system.commands import checked
from common.errors import KitError, UsageError
from common.gateway.address import parse


def provision(paths: Paths, address: str, gateway: str, signers: str) -> list[str]:
    """Sentences on what was changed. "" leaves what is there; `gateway` "0" is for none."""
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
    changed += _settings(paths, address, gateway)
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
        checked(
            [
                *("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"),
                *("--shell", "/usr/sbin/nologin", "--comment", "Answers predictions", USER),
            ]
        )
        return [f"made the user {USER}"]
    return []


def _settings(paths: Paths, address: str, gateway: str) -> list[str]:
    """A box.json that is damaged, or says what cannot be, is replaced by the last settings that were right. Raises
    UsageError for an address that is none."""
    wrong, before = settings.problem(paths), settings.load(paths)
    if address:
        settings.check_address(address)
        before = replace(before, inference_address=address)
    if gateway:
        before = replace(before, gateway_address=gateway if parse(gateway) else "")
    settings.check_gateway(before)
    verb = "replaced" if paths.settings.exists() else "wrote"
    if not settings.save(paths, before):
        return []
    because = f" ({wrong})" if wrong else ""
    front = f", the gateway {before.gateway_address}" if before.gateway_address else ""
    return [f"{verb} {paths.settings}: the address {before.inference_address}{front}{because}"]
