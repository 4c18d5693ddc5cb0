"""This program and all that it brought, taken off a machine again. Cut off and repeated, it goes on; the program itself
goes last.
"""

from __future__ import annotations

import pwd
import shutil
from pathlib import Path

from box.program import installed
from box.state.paths import GATEWAY_UNIT, MENDING_UNIT, UNIT, USER, Paths
from box.system import units as systemd
from box.system.commands import checked

# Where systemd keeps what `set-property --runtime` was told, and the journal of the units' own namespace.
LIMITS = Path("/run/systemd/system.control")
JOURNALS = [Path("/run/log/journal"), Path("/var/log/journal")]
JOURNAL_RUN = Path(f"/run/systemd/journal.{systemd.NAMESPACE}")
JOURNAL_UNITS = ("systemd-journald@{}.socket", "systemd-journald-varlink@{}.socket", "systemd-journald@{}.service")


def remove(paths: Paths) -> list[str]:
    """Sentences on what was removed, of a box whose services are stopped. Raises KitError, OSError."""
    removed = _units(paths)
    removed += _folder(paths.settings.parent, "settings, and whose bundles it trusted")
    removed += _folder(paths.state, "history, record, keys and certificate")
    for left in (paths.root / "run").glob("vision-serve*"):
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    if paths.is_system:
        removed += _user()
    return removed + _folder(paths.home, "releases, runtimes and the program")


def _units(paths: Paths) -> list[str]:
    here = paths.is_system and systemd.are_here()
    if here:
        systemd.systemctl("disable", "--quiet", UNIT, MENDING_UNIT)
        systemd.systemctl("stop", *(unit.format(systemd.NAMESPACE) for unit in JOURNAL_UNITS))
        journals = [found for folder in JOURNALS for found in folder.glob(f"*.{systemd.NAMESPACE}")]
        for left in (*journals, JOURNAL_RUN, LIMITS / f"{UNIT}.d"):
            shutil.rmtree(left, ignore_errors=True)
    there = {path: what for path, (_, what) in installed.files(paths).items() if path.exists()}
    for path in there:
        path.unlink()
    if here:
        systemd.systemctl("daemon-reload")
        systemd.systemctl("reset-failed", UNIT, MENDING_UNIT, GATEWAY_UNIT)
    return [f"removed {path}: {what}" for path, what in there.items()]


def _folder(folder: Path, what: str) -> list[str]:
    if not folder.exists():
        return []
    shutil.rmtree(folder)
    return [f"removed {folder}: {what}"]


def _user() -> list[str]:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return []
    checked(["userdel", USER])
    return [f"removed the user {USER}"]
