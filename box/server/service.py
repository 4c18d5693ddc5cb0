"""The server as a service: systemd's, or a process of our own where there is no systemd (a chroot, a test)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from box.gateway import following
from box.program import invocation
from box.server import failed_starts
from box.server.boot_choice import recover
from box.state.paths import UNIT, Paths
from box.system import units
from common import durable

STOPPED, STARTING, READY, FAILED = "stopped", "starting", "ready", "failed"
STOP_SECONDS = 120.0


@dataclass(frozen=True)
class State:
    """`pid` is the supervisor's, 0 when there is none; `why` is what it said when it failed."""

    phase: str
    pid: int = 0
    why: str = ""


class Service(Protocol):
    def start(self) -> None:
        """Begin to start; `state` tells how it goes."""

    def stop(self) -> None:
        """Return when it has finished its requests and ended."""

    def state(self) -> State: ...

    def log(self, since: float, count: int) -> list[str]:
        """The last lines since a Unix time."""

    def limit_memory(self, megabytes: float) -> None: ...

    def going_down(self) -> bool:
        """Is the machine itself being shut down?"""


@dataclass(frozen=True)
class Systemd:
    paths: Paths

    def start(self) -> None:
        failed_starts.forget(self.paths)
        units.start(UNIT)

    def stop(self) -> None:
        units.systemctl("stop", UNIT)

    def state(self) -> State:
        shown = units.systemctl("show", UNIT, "--property=ActiveState,SubState,MainPID,NRestarts,StatusText").stdout
        return judge(dict(line.split("=", 1) for line in shown.splitlines() if "=" in line))

    def log(self, since: float, count: int) -> list[str]:
        return units.log([UNIT], since, count)

    def limit_memory(self, megabytes: float) -> None:
        limit = int(megabytes * 1_000_000)
        units.systemctl("set-property", "--runtime", UNIT, f"MemoryMax={limit}")

    def going_down(self) -> bool:
        return units.systemctl("is-system-running").stdout.strip() == "stopping"


def judge(shown: dict[str, str]) -> State:
    """What `systemctl show` says, in four words. A restart that systemd did by itself follows a failure."""
    active, pid = shown.get("ActiveState", ""), int(shown.get("MainPID", "0") or 0)
    why = shown.get("StatusText", "").partition("failed: ")[2]
    if active in ("active", "reloading"):
        return State(READY, pid)
    if active == "activating":
        again = shown.get("SubState") == "auto-restart" or shown.get("NRestarts", "0") != "0"
        return State(FAILED if again else STARTING, pid, why)
    return State(FAILED if active == "failed" else STOPPED, pid, why)


@dataclass(frozen=True)
class Plain:
    """One process, found again by its pid and the time it started."""

    paths: Paths

    def start(self) -> None:
        following.tried(self.paths, recover(self.paths))
        self.paths.run.mkdir(parents=True, exist_ok=True)
        with self.paths.plain_log.open("ab") as log:
            process = subprocess.Popen(
                [*invocation.command(self.paths), "serve"],
                env=invocation.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        identity = {"pid": process.pid, "started": _start_time(process.pid)}
        durable.write(self.paths.plain_pid, json.dumps(identity).encode())

    def stop(self) -> None:
        pid = self._pid()
        if pid:
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while self._pid() and time.monotonic() < deadline:
                time.sleep(0.05)
            if self._pid():
                os.kill(pid, signal.SIGKILL)
        self.paths.plain_pid.unlink(missing_ok=True)

    def state(self) -> State:
        if not self.paths.plain_pid.exists():
            return State(STOPPED)
        pid = self._pid()
        if not pid:
            return State(FAILED)
        told = durable.read_object(self.paths.server_state)
        return State(READY if told.get("phase") == "ready" and told.get("pid") == pid else STARTING, pid)

    def log(self, since: float, count: int) -> list[str]:
        """The log begins with the first start of this boot; lines have no common time, so `since` is not looked at."""
        try:
            return self.paths.plain_log.read_text(errors="replace").splitlines()[-count:]
        except FileNotFoundError:
            return []

    def limit_memory(self, megabytes: float) -> None:
        """Nobody here could keep the limit; the gate measures all the same."""

    def going_down(self) -> bool:
        return False

    def _pid(self) -> int:
        try:
            identity = json.loads(self.paths.plain_pid.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return 0
        with suppress(ChildProcessError):
            os.waitpid(identity["pid"], os.WNOHANG)  # should it be ours, and dead
        return int(identity["pid"]) if _start_time(identity["pid"]) == identity["started"] else 0


def _start_time(pid: int) -> str:
    """In clock ticks since boot; "" when there is no such process, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def of(paths: Paths) -> Service:
    return Systemd(paths) if paths.is_system and units.are_here() else Plain(paths)
