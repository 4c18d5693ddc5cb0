"""What a run does, as data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kit.fleet.host.jobs import HostJobs
from kit.fleet.host.session import StepListener
from kit.fleet.inventory.fleet import Box
from kit.fleet.ssh.remote import Remote


@dataclass(frozen=True)
class Task:
    """What a run does: `what` it is called in the history, how a box is visited, and how the engine takes failures."""

    what: str
    releases: Sequence[str]
    bundles: Sequence[str]
    host: Callable[[Box, Remote, StepListener, threading.Event], HostJobs]
    careful: bool = True
