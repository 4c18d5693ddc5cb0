"""How many GPUs TorchServe will find here: what nvidia-smi lists, as it asks itself."""

from __future__ import annotations

import subprocess
from functools import cache

QUERY = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
ANSWER_SECONDS = 15.0


@cache
def count() -> int:
    """0 without a driver, and with one that does not answer. It does not change while a program runs."""
    try:
        asked = subprocess.run(QUERY, capture_output=True, text=True, errors="replace", timeout=ANSWER_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return 0 if asked.returncode else sum(line.strip().isdigit() for line in asked.stdout.splitlines())
