"""A short run of `make fuzz`, the same each time, and what it ever found."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest

from kit.build import PROJECT
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


if find_spec("atheris"):  # which has wheels for Python 3.11 to 3.13 on x86-64

    def test_a_few_seconds_of_what_reaches_new_code() -> None:
        """A short `make fuzz-guided`, from the same seed."""
        environment = os.environ | {"DURATION": "5", "SEED": "7", "PYTHONPATH": str(PROJECT / "handlers")}
        command = [sys.executable, "-m", "tests.handlers.guided"]
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "Done " in done.stderr
