"""What a run does, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kit.fleet.host.jobs import HostJobs
from kit.fleet.host.session import DeployOptions, HostSession
from kit.fleet.inventory.fleet import Box


@dataclass(frozen=True)
class Task:
    """What a run does: `what` it is called in the history, what holds for every box, which jobs a box has, and how the
    engine takes failures."""

    what: str
    releases: Sequence[str]
    bundles: Sequence[str]
    options: DeployOptions
    jobs: Callable[[Box, HostSession], HostJobs]
    careful: bool = True
