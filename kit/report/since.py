"""SINCE, in the words of the command line."""

from __future__ import annotations

import re

from common.errors import UsageError

UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
STEPS = (1, 2, 5, 10, 20, 60, 120, 360, 1440)  # minutes
MOST_POINTS = 240  # of a line: more are not told apart on a page


def seconds(given: str) -> float:
    """`90m`, `36h`, `7d` or `2w`. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d{1,5})([mhdw])", given.strip())
    if not found or not int(found[1]):
        raise UsageError(f"SINCE={given} is no time", "write SINCE=90m, 36h, 7d or 2w")
    return float(int(found[1]) * UNITS[found[2]])


def step(seconds: float) -> int:
    """How long each point of a line is to stand for, in seconds."""
    return next((60 * one for one in STEPS if seconds / (60 * one) <= MOST_POINTS), 60 * STEPS[-1])
