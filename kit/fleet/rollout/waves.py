"""Cut a fleet into waves, by the rules of its file. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kit.fleet.inventory.fleet import Box, Fleet, WaveRule
from kit.fleet.rollout.wave_engine import Wave

# With no waves in the file: one box first, and only then the others.
BY_DEFAULT = (WaveRule(count=1),)


def cut(fleet: Fleet) -> list[Wave]:
    """Every box is in one wave; what the rules leave over is the last one. A rule that finds no box makes no wave."""
    left = list(fleet.boxes)
    waves: list[Wave] = []
    for rule in [*(fleet.waves or BY_DEFAULT), WaveRule()]:
        if not (taken := chosen(rule, left, len(fleet.boxes))):
            continue
        left = [box for box in left if box not in taken]
        pause = fleet.pause if rule.pause is None else rule.pause
        allowed = fleet.allowed_failures if rule.allowed_failures is None else rule.allowed_failures
        soak = fleet.soak if rule.soak is None else rule.soak
        names = tuple(box.name for box in taken)
        waves.append(Wave(f"wave {len(waves) + 1}{described(rule)}", names, allowed, pause, soak))
    return waves


def chosen(rule: WaveRule, left: Sequence[Box], fleet_size: int) -> Sequence[Box]:
    if rule.group:
        return [box for box in left if rule.group in box.groups]
    if rule.percent:
        return left[: math.ceil(fleet_size * rule.percent / 100)]
    return left[: rule.count] if rule.count else left


def described(rule: WaveRule) -> str:
    return f" ({rule.group})" if rule.group else ""
