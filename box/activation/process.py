"""An activation as a process of its own, which a cut ssh connection does not end, and which cannot end unsettled."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

from box.program import invocation
from box.server.service import Plain, Service
from box.state.events import Event
from box.state.paths import Paths
from box.system import units
from common import json_lines
from common.errors import KitError

UNIT = "vision-serve-activate"
POLL_SECONDS = 0.1
# An activation lives until it is settled; its last words are then on the disk, or it had none.
LAST_WORDS_SECONDS = 3.0


def launch(paths: Paths, runs: Service, arguments: Sequence[str]) -> Callable[[], bool]:
    """Start `_activate` with these arguments; the returned function tells whether it still lives."""
    program = invocation.command(paths)
    if isinstance(runs, Plain):
        guard = subprocess.Popen(
            [*program, "_guard", *arguments],
            env=invocation.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return lambda: guard.poll() is None
    started = subprocess.run(
        [
            *("systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "--description=Activates a release"),
            # Runs whatever ended the activation, SIGKILL included.
            f"--property=ExecStopPost={' '.join(program)} _settle",
            "--property=TimeoutStopSec=600",
            "--property=KillMode=mixed",
            *program,
            "_activate",
            *arguments,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if started.returncode:
        raise KitError(
            f"systemd does not start the activation: {started.stderr.strip()}", "box.pyz status; box.pyz logs"
        )
    return unit_lives


def unit_lives() -> bool:
    return units.systemctl("is-active", UNIT).stdout.strip() in ("active", "activating", "deactivating", "reloading")


def follow(paths: Paths, mark: str, lives: Callable[[], bool]) -> Iterator[Event]:
    """The events of the activation marked `mark`, as they come, up to its result."""
    seen = 0
    gone_at = 0.0
    while True:
        lived = lives()
        found = json_lines.read(paths.activation)
        if found and found[0].get("mark") == mark:
            for event in found[seen:]:
                seen += 1
                yield event
                if event.get("event") == "result":
                    return
        if not lived:
            gone_at = gone_at or time.monotonic()
            if time.monotonic() > gone_at + LAST_WORDS_SECONDS:
                raise KitError("the activation ended without a result", "box.pyz status; box.pyz logs")
        time.sleep(POLL_SECONDS)
