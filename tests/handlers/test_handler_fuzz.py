"""A short run of `make fuzz`, the same each time, and what it ever found."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from tests.handlers.fuzzing import CORPUS, MOST_MEGABYTES, cost, damaged, originals


@pytest.mark.parametrize("file", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_was_found_is_bounded(file: Path) -> None:
    spent = cost(file.read_bytes())
    assert (spent.raised, spent.megabytes < MOST_MEGABYTES) == ("", True)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_raise_nothing_else_and_take_no_more(seed: int) -> None:
    for data in islice(damaged(originals(), random.Random(seed)), 250):  # noqa: S311
        spent = cost(data)
        assert (spent.raised, spent.megabytes < MOST_MEGABYTES) == ("", True)
