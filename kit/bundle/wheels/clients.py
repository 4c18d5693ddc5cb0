"""uv and pip, as this machine has them set up, called for their output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from common.errors import KitError

MOST_WORDS = 1500  # characters of a client's own words that an error repeats


def uv(*arguments: str) -> str:
    """uv's stdout. Raises KitError with its own words when it fails."""
    environment = dict(os.environ)
    # uv does not read pip's settings; a machine whose pip is pointed at a mirror wants uv there too.
    if "PIP_INDEX_URL" in environment:
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    command = [str(Path(sys.executable).with_name("uv")), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise _failed("uv", done.stderr.splitlines())
    return done.stdout


def pip(*arguments: str) -> None:
    """On a terminal it shows its own progress bars. Raises KitError with its own words when it fails."""
    stdout = sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        said = done.stderr.splitlines()
        raise _failed("pip", said[next((at for at, line in enumerate(said) if line.startswith("ERROR")), 0) :])


def _failed(client: str, said: list[str]) -> KitError:
    words = " ".join(" ".join(said).split())[:MOST_WORDS]
    return KitError(
        f"{client} failed: {words}",
        "the machine that makes a bundle needs its package index; fix that and run the same command again",
    )
