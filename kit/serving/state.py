"""What is known of a running server: `run/server.json`, and whether the process it names is still that server."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from common.errors import KitError
from kit.files import write_json
from kit.serving.launch import RunFolder


@dataclass(frozen=True)
class ServerState:
    """`created` is a process's start (s since 1970): a pid alone may by now be somebody else's. `gateway` is a URL,
    or "" when there is none."""

    pid: int
    created: float
    model: str
    version: str
    archive_sha256: str
    workers: int
    inference: str
    management: str
    metrics: str
    grpc: str
    temp: str
    response_timeout: float
    gateway: str = ""
    gateway_pid: int = 0
    gateway_created: float = 0.0

    def process(self) -> psutil.Process | None:
        """The server's Java process, or None when it has ended."""
        return _same_process(self.pid, self.created)

    def gateway_process(self) -> psutil.Process | None:
        """The gateway's first nginx, or None when it has ended or there was none."""
        return _same_process(self.gateway_pid, self.gateway_created) if self.gateway_pid else None


def _same_process(pid: int, created: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        return process if same else None
    except psutil.NoSuchProcess:
        return None


def save(run: RunFolder, state: ServerState) -> None:
    write_json(run.state, asdict(state), mode=0o600)


def read(run: RunFolder) -> ServerState | None:
    """The server that was started last and not stopped since, running or not."""
    try:
        return ServerState(**json.loads(run.state.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        run.state.unlink(missing_ok=True)  # of another version of the kit
        return None


def running(run: RunFolder) -> ServerState | None:
    state = read(run)
    return state if state and state.process() else None


def clear(run: RunFolder, temp: str) -> None:
    """Remove what belongs to a server that has ended: tokens, sockets, unpacked models, certificates. The logs stay."""
    for path in (run.inference_header, run.management_header, run.keys, run.state, run.watch_settings):
        path.unlink(missing_ok=True)
    for folder in (run.model_store, Path(temp)):
        shutil.rmtree(folder, ignore_errors=True)
    for path in run.gateway.glob("*"):
        if path.is_dir() and not path.is_symlink() and path.name != run.logs.name:
            shutil.rmtree(path, ignore_errors=True)
        elif not path.is_dir():
            path.unlink(missing_ok=True)


@contextmanager
def locked(run: RunFolder, doing: str) -> Iterator[None]:
    """One start or stop at a time. The lock goes with the process that holds it, however that ends."""
    run.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    run.folder.chmod(0o700)
    with run.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KitError(
                f"cannot {doing}: another start or stop of this server is going on",
                "wait for it, or end it with Ctrl-C where it runs",
            ) from None
        yield
