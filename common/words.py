"""Turns of phrase that more than one message has."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

SHOWN = 3
LONGEST_REASON = 220
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def listed(names: Sequence[str]) -> str:
    """`a, b, c and 4 more`"""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def count(number: int, noun: str) -> str:
    """`1 box`, `2,048 boxes`"""
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"


def reason(error: BaseException) -> str:
    """The kind and the words of what was at the bottom of an error that a library raised, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in COLOUR.sub("", str(error)).splitlines()]
    said = " ".join(line for line in lines if line)
    kind = type(error).__name__
    return f"{kind}: {textwrap.shorten(said, LONGEST_REASON, placeholder=' …')}" if said else kind
