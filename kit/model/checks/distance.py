"""How far two answers of a network are from each other."""

from __future__ import annotations

from torch import Tensor


def distance(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, as a share of the largest figure wanted, or of 1 where all are smaller. NaN where either
    holds one."""
    return float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1))
