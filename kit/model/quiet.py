"""Keeps what native libraries write to stderr to itself, unless the work fails and nobody says why."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr

from common.errors import KitError


@contextmanager
def quiet() -> Iterator[Callable[[], str]]:
    """Around calls that warn, or log to file descriptor 2 past Python's own streams (ExecuTorch's cpuinfo) or through
    them (its runtime). Gives a function for what was written so far. A KitError has words of its own; with whatever
    else is raised, all of it is written after all.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile("w+", buffering=1, errors="replace") as said, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(said.fileno(), 2)

        def written() -> str:
            said.flush()
            said.seek(0)
            return said.read()

        unexplained = ""
        try:
            with redirect_stderr(said):
                yield written
        except KitError:
            raise
        except BaseException:
            unexplained = written()
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            sys.stderr.write(unexplained)
