"""What makes and runs files for phones, when it refuses: its own words, short enough to read."""

from __future__ import annotations

import re
import textwrap

LONGEST = 220
COLOUR = re.compile(r"\x1b\[[\d;]*m")
MISSING_OPERATOR = re.compile(r"Missing operator: \[\d+\] (\S+)")


def reason(error: BaseException) -> str:
    """The kind and the words of what was at the bottom of it, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in COLOUR.sub("", str(error)).splitlines()]
    said = " ".join(line for line in lines if line)
    kind = type(error).__name__
    return f"{kind}: {textwrap.shorten(said, LONGEST, placeholder=' …')}" if said else kind


def missing_operators(log: str) -> list[str]:
    """The operators that ExecuTorch's runtime says it has no kernel for."""
    return list(dict.fromkeys(MISSING_OPERATOR.findall(log)))
