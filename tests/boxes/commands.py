"""Running a command of the machine, with its own words in the error."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


def run(*command: str, timeout: float = 600, stdin: str | None = None) -> str:
    """What the command printed. Raises RuntimeError with all it said when it fails."""
    done = attempt(*command, timeout=timeout, stdin=stdin)
    if done.returncode:
        raise RuntimeError(f"{describe(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def attempt(*command: str, timeout: float = 600, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """The finished command, whether it failed or not."""
    return subprocess.run(
        command,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def describe(command: Sequence[str]) -> str:
    return " ".join(command)[:300]
