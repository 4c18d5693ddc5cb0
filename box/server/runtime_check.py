"""Does what runs the model, torch or ONNX Runtime, work on this processor? Asked when a worker died without a word."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

PROGRAM = """
from importlib.util import find_spec
if find_spec("torch"):
    import torch
    torch.nn.functional.conv2d(torch.ones(1, 3, 8, 8), torch.ones(1, 3, 3, 3))
else:
    import onnxruntime
"""
SECONDS = 120  # an SD card reads all of it for the first time


def wrong(python: Path) -> str:
    """Why it does not, "" when it does, or when that cannot be found out."""
    command = [str(python), "-W", "ignore", "-c", PROGRAM]
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if run.returncode == -signal.SIGILL:
        return "this processor does not have the instructions that this build of it uses (illegal instruction)"
    if run.returncode > 0:
        return (run.stderr.strip().splitlines() or [f"it ended with {run.returncode}"])[-1]
    return ""
