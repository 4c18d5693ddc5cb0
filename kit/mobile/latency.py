"""How long one picture takes on this machine: all files in one fresh process, in turns, with one thread."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from common.errors import KitError
from common.words import count
from kit.build import PROJECT
from kit.console import step
from kit.mobile.making import Made
from kit.precisions.comparing import summary


def measure(made: Sequence[Made], repeats: int) -> list[dict[str, Any]]:
    """Milliseconds for each file, in the order they come in: median, low, high and all repeats.

    Raises KitError when a file that ran here does not run in a process of its own.
    """
    files = [(file, one.target.precision) for one in made for file in one.files]
    step(f"measuring latency of {count(len(files), 'file')}, {count(repeats, 'repeat')} in turns")
    asked = [
        {"file": str(file.path), "precision": precision, "shape": file.input.shape, "dtype": file.input.dtype}
        for file, precision in files
    ]
    done = subprocess.run(
        [sys.executable, "-m", "kit.mobile.worker", str(repeats)],
        cwd=PROJECT,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise KitError(f"a file does not run in a fresh process: {done.stderr.strip()[-500:]}", "make mobile")
    return [summary(figures) for figures in json.loads(done.stdout)]
