"""A server that is started, and proved before anybody is told of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from common.errors import KitError
from common.server import tokens
from common.server.readiness import StartWatch
from common.server.torchserve import Inference, Management
from kit.golden import Golden
from kit.serving import lifecycle
from kit.serving.launch import RunFolder
from kit.serving.lifecycle import ServerPlan
from kit.serving.logs import read_lines
from kit.serving.state import ServerState

# TorchServe kills a worker that has not started after two minutes, whatever startupTimeout says.
START_SECONDS = 130.0
POLL_SECONDS = 0.05
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Proved:
    """`seconds`: from its start to its first right answer with every worker READY."""

    process: subprocess.Popen[bytes]
    server: ServerState
    seconds: float


@contextmanager
def proved_server(
    wanted: ServerPlan, progress: Progress, foreground: bool = False, keep: bool = False
) -> Iterator[Proved]:
    """Start it, and end it with the block; with `keep` only when the block, or the start, fails.

    Raises KitError when it cannot be started; `progress` may raise to give the start up.
    """
    begun = time.monotonic()
    process, server = lifecycle.launch(wanted, foreground)
    try:
        pictures = {one.name: one.golden[0] for one in wanted.models}
        wait_until_proved(wanted.run, process, server, pictures, wanted.settings.tokens, progress)
        yield Proved(process, server, time.monotonic() - begun)
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            lifecycle.end(wanted.run, server)
            process.wait()


def wait_until_proved(
    run: RunFolder,
    process: subprocess.Popen[bytes],
    server: ServerState,
    golden: Mapping[str, Golden],
    with_tokens: bool,
    progress: Progress,
) -> None:
    """Return when every worker is READY and each model's golden picture got its right answer.

    Raises KitError, with the log line that matters, as soon as that can no longer happen.
    """
    management = Management(server.management, run.management_header)
    watch = StartWatch(server.workers)
    deadline = time.monotonic() + START_SECONDS
    can_ask = not with_tokens
    while True:
        alive = process.poll() is None
        can_ask = can_ask or tokens.write_headers(run.keys, run.inference_header, run.management_header)
        models = server.models if alive and can_ask else []
        workers = [worker for model in models for worker in management.workers(model.name)]
        verdict = watch.judge(alive, workers, read_lines(run.server_log, run.console_log))
        if verdict.failure:
            raise KitError(verdict.failure, f"the rest is in {run.server_log}")
        if verdict.done:
            break
        if time.monotonic() > deadline:
            raise KitError(
                f"only {verdict.ready} of {verdict.wanted} workers were ready after {START_SECONDS:.0f} s",
                f"the reason may be in {run.server_log}",
            )
        progress(f"{verdict.ready} of {verdict.wanted} workers ready" if can_ask else "Java is starting")
        time.sleep(POLL_SECONDS)
    progress("asking for a first prediction")
    inference = Inference(server.inference, run.inference_header, probe=True)
    for name, picture in golden.items():
        prove(inference, name, picture)


def prove(inference: Inference, model: str, golden: Golden, version: str = "") -> None:
    """Raises KitError when a golden picture does not get its right answer of it."""
    answer = inference.predict(model, golden.picture.read_bytes(), version=version)
    if wrong := golden.mismatch(answer):
        raise KitError(
            f"{model} gives wrong answers: {wrong}", "the archive and its golden pictures differ: make archive"
        )
