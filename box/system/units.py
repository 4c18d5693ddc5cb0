"""systemd, as this program speaks to it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

NAMESPACE = "vision-serve"  # of the units' journal


def are_here() -> bool:
    return Path("/run/systemd/system").is_dir()


def systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(["systemctl", *arguments])


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
