"""What a box has sent, or an old file says, as a person reads it. Files may hold noise, and a clock any year."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def moment(seconds: Any, form: str) -> str:
    """A Unix time, "?" for what is none."""
    try:
        return datetime.fromtimestamp(float(seconds or 0)).strftime(form)
    except (TypeError, ValueError, OverflowError, OSError):
        return "?"


def seconds_of(value: Any, otherwise: float) -> float:
    """A length of time, `otherwise` for what is none."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < float("inf") else otherwise


def texts(value: Any) -> list[str]:
    """A list of texts, without what is none; [] for anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
