"""What is known of a running server: `run/server.json`, and whether the process it names is still that server."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from common.errors import KitError, UsageError
from kit.files import write_json
from kit.serving.launch import RunFolder


@dataclass(frozen=True)
class ServedModel:
    """`workers`: how many it was started with. `response_timeout`: seconds that an answer may take."""

    name: str
    version: str
    archive_sha256: str
    workers: int
    response_timeout: float

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def stored(self) -> str:
        """Its archive's name in the model store, where two versions lie side by side for a moment."""
        return f"{self.name}-{self.archive_sha256[:16]}.mar"


@dataclass(frozen=True)
class ServerState:
    """`created` is a process's start (s since 1970): a pid alone may by now be somebody else's. `gateway` is a URL,
    or "" when there is none."""

    pid: int
    created: float
    models: tuple[ServedModel, ...]
    inference: str
    management: str
    metrics: str
    grpc: str
    temp: str
    gateway: str = ""
    gateway_pid: int = 0
    gateway_created: float = 0.0
    gateway_wanted: Mapping[str, str] = field(default_factory=dict)
    """What was asked of it at its start, as kit.gateway.planning.Wanted has it."""
    retiring: tuple[ServedModel, ...] = ()
    """What another version has taken the place of, or was taken away, and may not have gone yet."""

    @property
    def words(self) -> str:
        """Each model with its version."""
        return ", ".join(map(str, self.models))

    @property
    def workers(self) -> int:
        return sum(one.workers for one in self.models)

    @property
    def response_timeout(self) -> float:
        return max(one.response_timeout for one in self.models)

    def named(self, name: str) -> ServedModel:
        """The one called `name`, which is MODEL; "" where there is only one. Raises UsageError."""
        found = [one for one in self.models if name in ("", one.name)]
        if len(found) != 1:
            what = "the server has several models" if found else f"the server has no model {name}"
            served = [one.name for one in self.models]
            raise UsageError(f"{what}: {', '.join(served)}", f"name one: MODEL={served[0]}")
        return found[0]

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
        told = json.loads(run.state.read_text(encoding="utf-8"))
        for name in ("models", "retiring"):
            told[name] = tuple(ServedModel(**one) for one in told[name])
        return ServerState(**told)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        run.state.unlink(missing_ok=True)  # of another version of the kit
        return None


def running(run: RunFolder) -> ServerState | None:
    state = read(run)
    return state if state and state.process() else None


def clear(run: RunFolder, temp: str) -> None:
    """Remove what belongs to a server that has ended: tokens, sockets, unpacked models, certificates. The logs stay."""
    for path in (run.inference_header, run.management_header, run.keys, run.state, run.watch_settings):
        path.unlink(missing_ok=True)
    for folder in (run.model_store, run.shadow, Path(temp)):
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
