"""First contact: what a bare box needs before a release can come. Done again it changes nothing, and says so."""

from __future__ import annotations

import os
import pwd
import subprocess
from importlib import resources
from pathlib import Path

from box import durable, programs, settings
from box.errors import BoxError, UsageError
from box.paths import Paths
from box.service import UNIT

USER = "vision-serve"
JOURNAL_SETTINGS = "journald@vision-serve.conf"


def provision(paths: Paths, address: str, signers: str) -> list[str]:
    """Sentences on what was changed. `address`, `signers`: "" leaves what is there."""
    if paths.is_system and os.geteuid() != 0:
        raise UsageError("provisioning a box needs root", "sudo python3 box.pyz provision")
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
        changed += _file(paths.allowed_signers, signers.encode(), 0o644, "the keys that this box trusts")
    if own := programs.own_file():
        changed += _file(paths.program, own.read_bytes(), 0o755, "the program")
    units = _file(paths.unit, packed(UNIT), 0o644, "the systemd unit")
    units += _file(paths.journal_settings, packed(JOURNAL_SETTINGS), 0o644, "the log's limits")
    changed += units
    if paths.is_system and Path("/run/systemd/system").is_dir():
        changed += _enable(reload=bool(units))
    if changed:
        os.sync()  # what useradd and systemctl wrote, too: the next power cut may come before the first release
    return changed


def packed(name: str) -> bytes:
    """A file of config/systemd: inside box.pyz, or in the source tree."""
    if programs.own_file():
        return (resources.files("box") / "systemd" / name).read_bytes()
    return (Path(__file__).parent.parent / "config/systemd" / name).read_bytes()


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
    before = settings.load(paths.settings)
    if address:
        settings.check_address(address)
        before = settings.Settings(inference_address=address, keep=before.keep)
    return _file(paths.settings, settings.text(before), 0o644, f"the address {before.inference_address}")


def _file(path: Path, content: bytes, mode: int, what: str) -> list[str]:
    if path.is_file() and path.read_bytes() == content:
        return []
    verb = "replaced" if path.exists() else "wrote"
    durable.write(path, content, mode)
    return [f"{verb} {path}: {what}"]


def _enable(reload: bool) -> list[str]:
    if reload:
        _run(["systemctl", "daemon-reload"])
    enabled = subprocess.run(
        ["systemctl", "is-enabled", "--quiet", UNIT], stdin=subprocess.DEVNULL, capture_output=True
    )
    if enabled.returncode == 0:
        return []
    _run(["systemctl", "enable", "--quiet", UNIT])
    return [f"enabled {UNIT}: it starts at boot"]


def _run(command: list[str]) -> None:
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if run.returncode:
        raise BoxError(f"{' '.join(command[:2])} failed: {run.stderr.strip()}", "mend that on the box, then repeat")
