"""Programs of the machine's own."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from common.errors import KitError


def checked(command: Sequence[str]) -> None:
    """Raises KitError with what it said."""
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if run.returncode:
        raise KitError(f"{' '.join(command[:2])} failed: {run.stderr.strip()}", "fix that on the box, then repeat")
