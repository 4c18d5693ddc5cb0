"""The gateway's nginx as a service: systemd's, or a process of our own where there is no systemd."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from box.state.paths import GATEWAY_UNIT, Paths
from box.system import units
from common.gateway import nginx_files
from common.gateway.nginx_conf import LOGS

STOP_SECONDS = 60.0
POLL_SECONDS = 0.05


class Nginx(Protocol):
    def pid(self) -> int:
        """Of its master process, 0 when it does not run."""

    def start(self) -> None: ...

    def reload(self) -> None:
        """New settings for new requests; those under way finish with the old ones."""

    def stop(self) -> None:
        """Return when it has finished its requests and ended."""

    def said(self) -> str:
        """Why it ended, as far as it said."""


@dataclass(frozen=True)
class Systemd:
    def pid(self) -> int:
        return int(units.systemctl("show", GATEWAY_UNIT, "--property=MainPID", "--value").stdout.strip() or 0)

    def start(self) -> None:
        units.start(GATEWAY_UNIT)

    def reload(self) -> None:
        units.systemctl("reload", GATEWAY_UNIT)

    def stop(self) -> None:
        units.systemctl("stop", GATEWAY_UNIT)

    def said(self) -> str:
        return nginx_files.first_cause("\n".join(units.log([GATEWAY_UNIT], 0, 5)))


@dataclass(frozen=True)
class Plain:
    paths: Paths

    @property
    def _console(self) -> Path:
        return self.paths.gateway_run / LOGS / "console.log"

    def pid(self) -> int:
        """As nginx wrote it, if that is still one."""
        try:
            pid = int((self.paths.gateway_run / LOGS / "nginx.pid").read_text(encoding="ascii"))
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return 0
        return pid if os.fsencode(self.paths.gateway_run) in words else 0

    def start(self) -> None:
        with self._console.open("wb") as console:
            subprocess.Popen(
                nginx_files.command(self.paths.gateway_run),
                cwd=self.paths.gateway_run,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def reload(self) -> None:
        if pid := self.pid():
            os.kill(pid, signal.SIGHUP)

    def stop(self) -> None:
        if pid := self.pid():
            os.kill(pid, signal.SIGQUIT)
            deadline = time.monotonic() + STOP_SECONDS
            while self.pid() and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)

    def said(self) -> str:
        return nginx_files.first_cause(self._console.read_text(encoding="utf-8", errors="replace"))


def by_systemd(paths: Paths) -> bool:
    return paths.is_system and units.are_here()


def of(paths: Paths) -> Nginx:
    return Systemd() if by_systemd(paths) else Plain(paths)
