"""Starting a TorchServe, and stopping it so that nothing is lost or left behind. What proves it: proving.py."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from common import samples
from common.errors import UsageError
from common.server.drain import drain
from common.server.torchserve import Management
from common.words import count
from kit.files import replacing
from kit.gateway import nginx
from kit.machine import Machine
from kit.processes import family
from kit.profiles import MODELS, Profile
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
from kit.serving.models import plan as model_plan
from kit.serving.models.plan import ModelPlan
from kit.serving.settings import ServerSettings
from kit.serving.shadow import candidate
from kit.serving.state import ServerState

# From SIGTERM to SIGKILL, for Java and its workers to end.
END_SECONDS = 15.0


@dataclass(frozen=True)
class ServerPlan:
    """A server that can be started: everything about it was checked."""

    profile: Profile
    settings: ServerSettings
    run: RunFolder
    models: Sequence[ModelPlan]
    counts: Mapping[str, str] = field(default_factory=dict)

    @property
    def workers_words(self) -> str:
        """How many workers, and why: `2 (one per core, 2 cores)`; of several models, `shelf 1 (…), produce 2 (…)`."""
        several = len(self.models) > 1
        return ", ".join(f"{f'{one.name} ' if several else ''}{one.workers} ({one.workers_why})" for one in self.models)


def plan(profile: Profile, machine: Machine) -> ServerPlan:
    """Check all that can be known before a start. Raises KitError with the first thing that is in the way."""
    made = plan_models(profile, machine)
    needed = preflight.memory_needed([one.needs for one in made.models], made.settings.heap_bytes)
    workers = count(sum(one.workers for one in made.models), "worker")
    why = made.workers_words if len(made.models) > 1 else made.models[0].workers_why
    preflight.check_memory(needed, f"{workers} ({why}) and Java", machine)
    preflight.check_ports(made.settings)
    return made


def plan_models(profile: Profile, machine: Machine) -> ServerPlan:
    """What does not depend on whether it runs already."""
    run = RunFolder(profile.server_build.run)
    wanted = settings.load(profile.properties, os.environ | run.environment())
    preflight.check_gpu_count(wanted, machine)
    models = [model_plan.plan(one, wanted, machine) for one in profile.models()]
    if len({one.needs.stock for one in models}) > 1:
        raise UsageError(f"{profile.folder / MODELS}: `worker:` must be the same for all models of a server")
    default, _ = wanted.workers({}, machine.cores, max(one.profile.gpus(machine) for one in models))
    return ServerPlan(profile, wanted, run, models, counted(machine, default))


def launch(wanted: ServerPlan, foreground: bool) -> tuple[subprocess.Popen[bytes], ServerState]:
    """Start Java. Its files are for this user only, and it gets no signal that is meant for the terminal."""
    run, settings = wanted.run, wanted.settings
    for folder in (run.logs, run.model_store):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    for model in wanted.models:
        store(run, model)
    temp = temp_folder(run)
    stock_worker = wanted.models[0].needs.stock
    places = here(wanted.profile.properties, run, temp, stock_worker)
    for listener in settings.listeners():
        if listener.unix_path:
            os.makedirs(os.path.dirname(listener.unix_path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
    kept = {samples.VARIABLE: str(wanted.profile.server_build.samples), candidate.VARIABLE: str(run.shadow)}
    environment = server_environment(places, foreground, wanted.counts) | kept
    with run.console_log.open("wb") as console:
        process = subprocess.Popen(
            java_command(settings, places, [model.stored for model in wanted.models]),
            cwd=run.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=None if foreground else console,
            stderr=subprocess.STDOUT if not foreground else None,
            start_new_session=True,
            umask=0o077,
        )
        if not stock_worker:
            runtimes = [model.archive["provenance"]["runtime"] for model in wanted.models]
            start_importer(places, runtimes, process.pid, environment, console.fileno())
    started = ServerState(
        pid=process.pid,
        created=psutil.Process(process.pid).create_time(),
        models=tuple(model.served for model in wanted.models),
        inference=settings.inference.url,
        management=settings.management.url,
        metrics=settings.metrics.url,
        grpc=f"{settings.grpc.host}:{settings.grpc.port}",
        temp=str(temp),
    )
    state.save(run, started)
    return process, started


def store(run: RunFolder, model: ModelPlan) -> None:
    """A copy: building the next archive must not change what is being served."""
    with replacing(run.model_store / model.stored) as copy:
        shutil.copyfile(model.profile.build.folder / model.archive["file"], copy)


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
