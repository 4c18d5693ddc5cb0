"""uv and pip, as this machine has them set up, called for their output."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from kit.errors import KitError


def uv(*arguments: str) -> str:
    """uv's stdout. Raises KitError with its own words when it fails."""
    environment = dict(os.environ)
    # uv does not read pip's settings; a machine whose pip is pointed at a mirror wants uv there too.
    if "PIP_INDEX_URL" in environment:
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    return _run([str(Path(sys.executable).with_name("uv")), *arguments], environment)


def pip(*arguments: str) -> str:
    """pip's stdout; on a terminal it shows its own progress bars instead. Raises KitError with its own words."""
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return _run([sys.executable, "-m", "pip", *arguments], environment, watch=sys.stderr.isatty())


def _run(command: list[str], environment: Mapping[str, str], watch: bool = False) -> str:
    stdout = sys.stderr if watch else subprocess.PIPE
    done = subprocess.run(command, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in said if line.lower().startswith("error")] or said[-8:]
        name = "pip" if "pip" in command else "uv"
        raise KitError(
            f"{name} {command[-1] if name == 'uv' else command[3]} failed: {' '.join(errors)[:1500]}",
            "the machine that makes a bundle needs its package index; mend that and run the same command again",
        )
    return done.stdout or ""
