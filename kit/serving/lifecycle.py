"""Starting a TorchServe, and stopping it so that nothing is lost or left behind. What proves it: proving.py."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from common import samples
from common.server.drain import drain
from common.server.torchserve import Management
from kit import golden
from kit.gateway import nginx
from kit.golden import Golden
from kit.machine import Machine
from kit.processes import family
from kit.profiles import Profile
from kit.serving import preflight, settings, state
from kit.serving.launch import (
    RunFolder,
    counted,
    here,
    java_command,
    server_environment,
    start_importer,
    temp_folder,
)
from kit.serving.settings import ServerSettings
from kit.serving.state import ServerState

# From SIGTERM to SIGKILL, for Java and its workers to end.
END_SECONDS = 15.0
DEFAULT_RESPONSE_TIMEOUT = 120


@dataclass(frozen=True)
class ServerPlan:
    """A server that can be started: everything about it was checked."""

    profile: Profile
    settings: ServerSettings
    run: RunFolder
    archive: dict[str, Any]
    golden: Sequence[Golden]
    workers: int
    workers_why: str
    response_timeout: float
    counts: Mapping[str, str] = field(default_factory=dict)


def plan(profile: Profile, machine: Machine) -> ServerPlan:
    """Check all that can be known before a start. Raises KitError with the first thing that is in the way."""
    run = RunFolder(profile.build.run)
    wanted = settings.load(profile.properties, os.environ | run.environment())
    config = profile.read_model_config()
    preflight.check_gpu(config, profile.name, machine)
    preflight.check_gpu_count(wanted, machine)
    build = profile.build
    rebuild = f"make archive PROFILE={profile.name}"
    archive = preflight.check_archive(build.archive_report, build.folder, rebuild)
    workers, why = wanted.workers(config, machine.cores, profile.gpus(machine))
    kind = preflight.Workers(
        workers,
        archive["size"],
        archive["provenance"]["runtime"] == "onnx",
        profile.threads(machine),
        profile.stock_worker,
    )
    preflight.check_memory(kind, why, wanted.heap_bytes, machine)
    preflight.check_ports(wanted)
    timeout = float(config.get("responseTimeout", DEFAULT_RESPONSE_TIMEOUT))
    pictures = golden.load(build.golden, rebuild)
    return ServerPlan(profile, wanted, run, archive, pictures, workers, why, timeout, counted(machine, workers))


def launch(wanted: ServerPlan, foreground: bool) -> tuple[subprocess.Popen[bytes], ServerState]:
    """Start Java. Its files are for this user only, and it gets no signal that is meant for the terminal."""
    run, settings = wanted.run, wanted.settings
    for folder in (run.logs, run.model_store):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    name = wanted.archive["file"]
    # A copy: building the next archive must not change what is being served.
    shutil.copyfile(wanted.profile.build.folder / name, run.model_store / name)
    temp = temp_folder(run)
    places = here(wanted.profile.properties, run, temp, wanted.profile.stock_worker)
    for listener in settings.listeners():
        if listener.unix_path:
            os.makedirs(os.path.dirname(listener.unix_path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
    kept = {samples.VARIABLE: str(wanted.profile.build.samples)}
    environment = server_environment(places, foreground, wanted.counts) | kept
    with run.console_log.open("wb") as console:
        process = subprocess.Popen(
            java_command(settings, places, name),
            cwd=run.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=None if foreground else console,
            stderr=subprocess.STDOUT if not foreground else None,
            start_new_session=True,
            umask=0o077,
        )
        if not wanted.profile.stock_worker:
            runtime = wanted.archive["provenance"]["runtime"]
            start_importer(places, runtime, process.pid, environment, console.fileno())
    started = ServerState(
        pid=process.pid,
        created=psutil.Process(process.pid).create_time(),
        model=wanted.archive["model_name"],
        version=wanted.archive["model_version"],
        archive_sha256=wanted.archive["sha256"],
        workers=wanted.workers,
        inference=settings.inference.url,
        management=settings.management.url,
        metrics=settings.metrics.url,
        grpc=f"{settings.grpc.host}:{settings.grpc.port}",
        temp=str(temp),
        response_timeout=wanted.response_timeout,
    )
    state.save(run, started)
    return process, started


def end(run: RunFolder, server: ServerState) -> None:
    """End the server's processes, and remove its files. Java gets SIGTERM; what outlives that, SIGKILL."""
    if gateway := server.gateway_process():
        nginx.stop(gateway, 0)
    java = server.process()
    members = family(java.pid) if java else []
    if java:
        java.terminate()
    _, left = psutil.wait_procs(members, timeout=END_SECONDS)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=END_SECONDS)
    state.clear(run, server.temp)


def stop(run: RunFolder, server: ServerState, say: Callable[[str], None]) -> None:
    """Drain, then end."""
    if gateway := server.gateway_process():
        say("the gateway takes no new requests")
        nginx.stop(gateway, server.response_timeout)
    if server.process():
        say("finishing the requests in flight")
        drain(Management(server.management, run.management_header), run.keys, server.response_timeout, say)
    end(run, server)
