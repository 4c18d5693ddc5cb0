"""Turns of phrase that more than one message has."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 3


def listed(names: Sequence[str]) -> str:
    """`a, b, c and 4 more`"""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def count(number: int, noun: str) -> str:
    """`1 box`, `2,048 boxes`"""
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"
