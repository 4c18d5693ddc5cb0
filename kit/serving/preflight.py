"""What can be known to go wrong before anything is started."""

from __future__ import annotations

import json
import socket
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from common.durable import sha256
from common.errors import KitError, UsageError
from kit.files import read_json
from kit.gpus import NONE
from kit.machine import Machine
from kit.serving.settings import Listener, ServerSettings

# Memory that the kernel cannot take back, torch 2.14.1 and ONNX Runtime 1.32 on x86-64, as measured: what the workers
# share beside the model (Python, the runtime, the handler), and what each has of its own.
SHARED_BYTES, WORKER_BYTES = 300 << 20, 30 << 20
ONNX_SHARED_BYTES, ONNX_WORKER_BYTES = 50 << 20, 25 << 20
# What Java takes beside its heap: code, threads, buffers (156 MB measured with a 128 MB heap that was not full).
JAVA_BYTES = 100 << 20


def owner_of(port: int) -> str:
    """`python3 (pid 123)`, as far as this user may see who listens on a port."""
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.laddr
                and connection.laddr.port == port
                and connection.status == psutil.CONN_LISTEN
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another program"


def is_free(listener: Listener) -> bool:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As Java does: a port whose last connections are still timing out is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listener.host, listener.port))
        except OSError:
            return False
    return True


def check_ports(settings: ServerSettings) -> None:
    """Raises KitError naming the first address that something else has, and who it is."""
    listeners = [listener for listener in settings.listeners() if not listener.unix_path]
    ports = [listener.port for listener in listeners]
    for listener in listeners:
        if ports.count(listener.port) > 1:
            raise KitError(
                f"port {listener.port} is given to more than one of "
                f"{', '.join(other.key for other in listeners if other.port == listener.port)}",
                "give each its own",
            )
        if not is_free(listener):
            variable = f"TS_{listener.key.upper()}"
            other = (
                str(listener.port + 1000)
                if listener.key.startswith("grpc")
                else f"http://{listener.host}:{listener.port + 1000}"
            )
            raise KitError(
                f"port {listener.port} ({listener.key}) is taken by {owner_of(listener.port)}",
                f"stop that program, or serve elsewhere: {variable}={other} make serve",
            )


def check_gpu(model_config: dict[str, Any], profile: str, machine: Machine) -> None:
    if model_config.get("deviceType") == "gpu" and not machine.gpus:
        raise KitError(
            f"profile {profile} is for machines with a GPU, and this machine has {machine.no_gpu}",
            "serve with PROFILE=onprem (or edge) here, or run this on a machine where nvidia-smi lists a GPU",
        )


def check_gpu_count(wanted: ServerSettings, machine: Machine) -> None:
    """TorchServe takes each word of CUDA_VISIBLE_DEVICES for a GPU, the -1 that hides them all too. The environment
    tells it better, where the profile lets it."""
    if machine.seen.devices == NONE and not wanted.by_environment and wanted.values.get("number_of_gpu") != "0":
        raise UsageError(
            f"this machine has {machine.no_gpu}, and TorchServe would count one nevertheless",
            "write number_of_gpu=0 or enable_envvars_config=true into the profile's config.properties",
        )


@dataclass(frozen=True)
class Workers:
    """How many, and of which kind: `onnx` for ONNX Runtime and not torch, `stock` for TorchServe's own program, which
    shares nothing."""

    count: int
    model_bytes: int
    onnx: bool = False
    threads: int = 1
    stock: bool = False

    @property
    def shared(self) -> int:
        """Bytes that they share with the workers of other models: what they import."""
        if self.stock:
            return 0
        return ONNX_SHARED_BYTES if self.onnx else SHARED_BYTES

    @property
    def memory(self) -> int:
        """Bytes that they will take beside that once they are warm."""
        imported, each = (ONNX_SHARED_BYTES, ONNX_WORKER_BYTES) if self.onnx else (SHARED_BYTES, WORKER_BYTES)
        # ONNX Runtime keeps the weights as they came and as its kernels want them.
        model = self.model_bytes * (2 if self.onnx else 1)
        if self.stock:
            return self.count * (imported + model + each)
        # Its threads cannot be forked, so with several each worker loads the model.
        own = model + each if self.onnx and self.threads > 1 else 0
        return model + self.count * (each + own)


def memory_needed(models: Sequence[Workers], heap_bytes: int) -> int:
    """Bytes that a server with these models' workers will take once it is warm."""
    return heap_bytes + JAVA_BYTES + sum({one.onnx: one.shared for one in models}.values()) + more_memory(models)


def more_memory(models: Sequence[Workers]) -> int:
    """Bytes that these models' workers add to a server that runs."""
    return sum(one.memory for one in models)


def check_memory(needed: int, what: str, machine: Machine) -> None:
    """`what` needs so many bytes, in words. Raises KitError when they are not free."""
    if needed > machine.memory_available:
        raise KitError(
            f"too little memory: {what} would take about {needed >> 20} MB, and "
            f"{machine.memory_available >> 20} MB of {machine.memory_total >> 20} MB are free",
            "serve with fewer workers: make serve TS_DEFAULT_WORKERS_PER_MODEL=1 (unless model-config.yaml sets "
            "minWorkers), or PROFILE=edge, or free some memory",
        )


def check_archive(report: Path, folder: Path, rebuild: str) -> dict[str, Any]:
    """archive.json, after the .mar it names was found whole and as it was written. Raises KitError otherwise."""
    described: dict[str, Any] = read_json(report, rebuild)
    archive = folder / described["file"]
    if not archive.exists():
        raise KitError(f"{archive} does not exist", rebuild)
    if sha256(archive) != described["sha256"]:
        raise KitError(f"{archive} is broken: its sha256 is not the one it was written with", rebuild)
    try:
        with zipfile.ZipFile(archive) as mar:
            json.loads(mar.read("MAR-INF/MANIFEST.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise KitError(f"{archive} is not a model archive: {error}", rebuild) from None
    return described
