"""A workstation that is killed while it sends leaves nothing at work, and the next run goes on where it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from kit.build import PROJECT
from tests.transport.workstation import FLEET, Workstation

MODEL_BYTES = 8 << 20


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def sending(workstation: Workstation) -> list[str]:
    """The processes of rsync that send this workstation's files."""
    found = subprocess.run(["pgrep", "--full", f"rsync .*{workstation.folder}"], capture_output=True, text=True)
    return found.stdout.split()


def test_no_rsync_is_left_and_only_the_rest_is_sent(workstation: Workstation) -> None:
    (workstation.folder / "fleet.yaml").write_text(FLEET.replace("shelf-01, shelf-02", "shelf-01") + "bwlimit: 2000\n")
    made = workstation.bundle("1.0", model=os.urandom(MODEL_BYTES))
    command = [sys.executable, "-m", "scripts.fleet", "deploy"]
    environment = workstation.environment(BUNDLE=str(made.file))
    running = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    blobs = workstation.boxes.home("shelf-01") / "incoming/blobs"
    wait_for(lambda: any(file.stat().st_size > MODEL_BYTES // 2 for file in blobs.glob(".*") if file.is_file()))
    assert sending(workstation)
    running.kill()
    running.communicate()
    wait_for(lambda: not sending(workstation))
    wait_for(lambda: any((blobs / ".partial").glob("*")))
    resumed = json.loads(workstation.run("deploy", RESUME="1", JSON="1").stdout)
    assert resumed["ok"] is True
    assert resumed["boxes"][0]["bytes"] < 0.7 * MODEL_BYTES
