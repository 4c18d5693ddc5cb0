"""What the kit's workers have answered and measured, asked of the parents that they were forked from."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

# As worker/family.py has them, which imports nothing of the kit: it travels to boxes as a wheel of its own.
PARENTS = ".fam.????????"
ASKED = b"metrics"
SECONDS = 2.0  # a parent that still imports answers later than that, and has nothing to tell


def read(temp: Path) -> list[dict[str, Any]]:
    """A document for each model version of the server with this TEMP, as worker/metrics.py writes it; none for
    TorchServe's own workers, and for a parent that does not answer."""
    found = []
    for address in sorted(temp.glob(PARENTS)):
        with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as parent:
            parent.settimeout(SECONDS)
            parent.connect(str(address))
            parent.sendall(ASKED)
            with parent.makefile("rb") as answer:
                found.append(json.load(answer))
    return found
