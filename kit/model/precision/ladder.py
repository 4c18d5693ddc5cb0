"""A ladder of int8 recipes, the fastest first: the first whose model passes the gate is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from kit.console import progress, step
from kit.model.checks.accuracy_gate import Gate
from kit.model.checks.comparison import Comparison
from kit.model.precision.sensitivity import SHARES

MOST_RECIPES = 2 + len(SHARES)

Recipe = TypeVar("Recipe")


def climb(recipes: Iterator[Recipe], judge: Callable[[Recipe], Comparison], gate: Gate) -> tuple[Recipe, Comparison]:
    """The recipe that passed and what was measured of it: `judge` makes a model of a recipe and compares it, and the
    last one it made is the one. Raises KitError, with the best attempt's table, when none passes."""
    missed: list[Comparison] = []
    with progress() as bar:
        task = bar.add_task("int8 recipes, at most", total=MOST_RECIPES, start=False)
        for recipe in recipes:
            bar.start_task(task)
            measured = judge(recipe)
            bar.advance(task)
            if gate.passes(measured):
                return recipe, measured
            step(f"int8 misses the gate with {recipe} ({measured.agreement:.1%} same first answer)")
            missed.append(measured)
    best = max(missed, key=lambda measured: measured.agreement)
    raise gate.refusal(best, f"the best of {len(missed)} recipes, down to half of its layers")
