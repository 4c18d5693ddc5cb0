"""What a run does, as data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kit.fleet.inventory import Box
from kit.fleet.remote import Remote
from kit.fleet.turn import Watch
from kit.fleet.visit import Visit


@dataclass(frozen=True)
class Task:
    """What a run does: `what` it is called in the history, how a box is visited, and how the engine takes failures."""

    what: str
    releases: Sequence[str]
    bundles: Sequence[str]
    visit: Callable[[Box, Remote, Watch, threading.Event], Visit]
    careful: bool = True
