"""What a server has counted until one moment: its workers, and the gateway in front of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import durable
from common.watch import workers


@dataclass(frozen=True)
class Snapshot:
    """`workers`: a document for each model version, as worker/metrics.py writes it; `gateway`: what
    gateway/watch/metrics.js has counted, by its names; empty where there is none."""

    at: float
    workers: list[dict[str, Any]]
    gateway: Mapping[str, Any]


def take(temp: Path, gateway: Path) -> Snapshot:
    """Of the server with this TEMP, whose gateway writes its counts into that file."""
    return Snapshot(time.time(), workers.read(temp), durable.read_object(gateway))
