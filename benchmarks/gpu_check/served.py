"""The cloud-gpu profile served, in turns with stock TorchServe in one run: `make archive` and `make bench`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import KitError
from kit.build import PROJECT
from kit.precisions.comparing import said

CLIENTS = "1,32"
PROFILE = "cloud-gpu"


def measure(folder: Path, until: float, profile: str = PROFILE) -> list[dict[str, Any]]:
    """A row for each server and load. Raises KitError with the words of the command that failed."""
    _run("export", folder, until, profile)
    _run("archive", folder, until, profile)
    # Three servers with a start each, and four loads for each: two counts of clients and the open loops beside them.
    seconds = max(1.0, (until - time.monotonic()) / 60)
    options = ["--json", "--against", "stock", "--clients", CLIENTS, "--repeats", "1", "--pictures", "reference"]
    document = json.loads(_run("bench", folder, until, profile, *options, "--duration", f"{seconds:.1f}"))
    return [
        {
            "server": row["server"],
            "loop": row["loop"],
            "clients": row.get("clients"),
            "per_second": row["throughput"]["value"],
            "p50_ms": row["latency_ms"]["p50"]["value"],
            "p99_ms": row["latency_ms"]["p99"]["value"],
            "errors": row["errors"],
        }
        for row in document["loads"]
    ]


def _run(script: str, folder: Path, until: float, profile: str, *options: str) -> str:
    environment = os.environ | {"BUILD": str(folder), "PROFILE": profile}
    environment.pop("DURATION", None)
    status, printed, stderr = finished([sys.executable, "-m", f"scripts.{script}", *options], environment, until)
    if status is None:
        raise KitError(f"make {script} was not done in time")
    if status:
        raise KitError(said(stderr) or f"make {script} failed")
    return printed


def finished(command: Sequence[str], environment: Mapping[str, str], until: float) -> tuple[int | None, str, str]:
    """Its exit status, None where time was up, and what it wrote. It is ended as by Ctrl-C: killed, it would leave its
    servers behind."""
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            printed, stderr = process.communicate(timeout=max(0.0, until - time.monotonic()))
            return process.returncode, printed, stderr
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            printed, stderr = process.communicate()
            return None, printed, stderr
