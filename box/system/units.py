"""systemd, as this program speaks to it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from common.errors import KitError

NAMESPACE = "vision-serve"  # of the units' journal


def are_here() -> bool:
    return Path("/run/systemd/system").is_dir()


def systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(["systemctl", *arguments])


def start(unit: str) -> None:
    """Begin to: this may be a part of another unit's own start. Raises KitError."""
    # One that was stopped while it waited to be restarted keeps its count of restarts, which its state is judged by.
    systemctl("reset-failed", unit)
    started = systemctl("start", "--no-block", unit)
    if started.returncode:
        raise KitError(f"systemd does not start {unit}: {started.stderr.strip()}", "box.pyz provision")


def log(units: Sequence[str], since: float, count: int) -> list[str]:
    """Their last lines since a Unix time."""
    _run(["journalctl", f"--namespace={NAMESPACE}", "--sync"])
    shown = _run(
        [
            *("journalctl", f"--namespace=+{NAMESPACE}", "--output=cat", "--no-pager", "--quiet"),
            *(f"--unit={unit}" for unit in units),
            *(f"--lines={count}", f"--since=@{int(since)}"),
        ]
    )
    return shown.stdout.splitlines()


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
