"""`box.pyz serve`: runs the current release's TorchServe, and tells systemd the truth about it.

READY=1 is said when every worker is READY and a golden picture got its right answer. WATCHDOG=1 is said only after a
real prediction. When predictions stop, the supervisor ends with a failure, so that it is started again; and should it
hang itself, systemd's watchdog ends it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from box.server import command, endpoints, runtime_check
from box.server.child import Child
from box.server.notify import notify, watchdog_seconds
from box.server.verdict import Verdict
from box.state import settings
from box.state.events import say
from box.state.paths import Paths
from box.store import integrity, releases
from box.system import platforms
from box.watch.watching import watched
from common import durable
from common.errors import KitError
from common.manifest import Manifest
from common.server import tokens
from common.server.drain import drain
from common.server.readiness import KILLED, StartWatch, ended
from common.server.server_log import FAILED
from common.server.torchserve import Inference, Management

POLL_SECONDS = 0.2
RETRY_SECONDS = 0.5
# With one worker, each question of ours keeps a client waiting.
PROBE_SECONDS = 45.0
# How long predictions may fail where no unit says so. Longer than TorchServe takes to replace a hung worker itself.
PATIENCE_SECONDS = 150.0
# EX_CONFIG: the unit's RestartPreventExitStatus. Starting again would not make a release appear.
NOTHING_TO_SERVE = 78


def serve(paths: Paths) -> int:
    """Runs until SIGTERM (0) or until the release fails (1)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    os.umask(0o027)
    release = releases.to_run(paths)
    if not release:
        _give_up("no release was ever confirmed on this box")
        return NOTHING_TO_SERVE
    try:
        return Supervisor(paths, releases.load(paths, release), settings.load(paths), stop).run()
    except (KitError, OSError) as error:
        _give_up("; ".join([str(error), *integrity.damage(paths, release)]))
        return 1


def _give_up(why: str) -> None:
    say(FAILED + why)
    notify(f"STATUS=failed: {why}")


class Supervisor:
    def __init__(self, paths: Paths, manifest: Manifest, chosen: settings.BoxSettings, stop: threading.Event) -> None:
        self.paths = paths
        self.manifest = manifest
        self.chosen = chosen
        self.stop = stop
        self.inference = Inference(chosen.asking_address, paths.inference_header, probe=True)
        self.management = Management(f"unix:{paths.socket}", paths.management_header)
        self.verdict = Verdict(paths, manifest, self.management)

    def run(self) -> int:
        platforms.require_gpu(self.manifest)
        self._prepare_folders()
        self._wait_for_address()
        child = Child(
            command.command(self.manifest, self.paths),
            command.environment(self.manifest, self.paths, self.chosen, os.environ),
            self.paths.private,
        )
        self._state("starting", child)
        try:
            self._wait_until_ready(child)
            with watched(self.paths, child.pid, self._serves):
                if not self.stop.is_set():
                    self._state("ready", child)
                    self.verdict.glance()
                    notify("READY=1", f"STATUS={self.manifest.release} answers")
                    say(f"vision-serve: {self.manifest.release} answers at {self.chosen.inference_address}")
                    self._watch(child)
                notify("STOPPING=1")
                self.verdict.stopping()
                drain(self.management, self.paths.keys, self.manifest.server.response_timeout, say)
        finally:
            child.end()
            for told in (self.paths.server_state, self.paths.verdict):
                told.unlink(missing_ok=True)
        return 0

    def _prepare_folders(self) -> None:
        """All in /run, which is memory: but for its record nothing of a running server wears the SD card."""
        self.paths.run.mkdir(parents=True, exist_ok=True)
        for folder in (self.paths.store, self.paths.private, self.paths.temp):
            shutil.rmtree(folder, ignore_errors=True)
        self.paths.store.mkdir(mode=0o750)
        self.paths.scratch.mkdir(mode=0o700, exist_ok=True)
        for folder in (self.paths.private, self.paths.temp, self.paths.logs):
            folder.mkdir(mode=0o700)
        if os.statvfs(self.paths.temp).f_flag & os.ST_NOEXEC:
            raise KitError(
                f"{self.paths.temp} is mounted noexec, and Java has to map its library there",
                "on a box, box.pyz provision brings the unit that mounts it rightly; in a container, --tmpfs /run:exec",
            )
        self.paths.inference_header.unlink(missing_ok=True)
        for model in self.manifest.models:
            archive = self.paths.store / command.archive_name(model)
            archive.symlink_to(self.paths.release(model.release) / model.model.archive)

    def _wait_for_address(self) -> None:
        """At boot, the network may bring this box's address only later. Whatever else is wrong, Java will say."""
        host = str(urlsplit(self.chosen.inference_address).hostname)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        deadline = time.monotonic() + self.manifest.gate.ready_seconds
        while time.monotonic() < deadline:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                try:
                    return probe.bind((host, 0))
                except OSError as error:
                    if error.errno != errno.EADDRNOTAVAIL:
                        return None
            if self.stop.wait(1):
                return None
        raise KitError(f"this box does not have the address {host}")

    def _state(self, phase: str, child: Child) -> None:
        state = {
            "release": self.manifest.release,
            "files": releases.files_of(self.paths, self.manifest),
            "phase": phase,
            "pid": os.getpid(),
            "java": child.pid,
            "address": self.chosen.inference_address,
            "since": round(time.time(), 3),
        }
        durable.write(self.paths.server_state, json.dumps(state).encode(), mode=0o640)

    def _wait_until_ready(self, child: Child) -> None:
        models = self.manifest.models
        watch = StartWatch(sum(model.server.workers for model in models))
        deadline = time.monotonic() + self.manifest.gate.ready_seconds
        have_tokens = False
        while not self.stop.wait(POLL_SECONDS):
            have_tokens = have_tokens or tokens.write_headers(
                self.paths.keys, self.paths.inference_header, self.paths.management_header, tokens.GROUP
            )
            alive = child.alive
            asked = models if alive and have_tokens else []
            workers = [worker for model in asked for worker in self.management.workers(model.model.name)]
            verdict = watch.judge(alive, workers, child.words())
            if verdict.failure:
                raise KitError(self._cause(verdict.failure))
            if verdict.done:
                return self._ask_first()
            if time.monotonic() > deadline:
                raise KitError(
                    f"only {verdict.ready} of {verdict.wanted} workers were ready after "
                    f"{self.manifest.gate.ready_seconds:.0f} s"
                )
        return None

    def _cause(self, failure: str) -> str:
        """A worker that ended without saying why was most likely killed for its memory; an illegal instruction, too,
        ends it so."""
        if KILLED not in failure:
            return failure
        python = self.paths.runtime(self.manifest.runtime_id) / "bin/python"
        wrong = runtime_check.wrong(python)
        return f"what runs the model does not work here: {wrong}" if wrong else failure

    def _ask_first(self) -> None:
        """Each model."""
        for model in self.manifest.models:
            answer = self._predict(model.server.response_timeout)
            if wrong := self.verdict.answered(answer):
                raise KitError(f"it gives wrong answers: {wrong}")

    def _predict(self, timeout: float) -> Any:
        model, picture = self.verdict.question()
        return self.inference.predict(model, picture, timeout)

    def _watch(self, child: Child) -> None:
        """Return at SIGTERM. Raises KitError when Java ended, or no prediction succeeded for too long."""
        patience = watchdog_seconds() * 0.8 or PATIENCE_SECONDS
        good = dict.fromkeys((model.model.name for model in self.manifest.models), time.monotonic())
        notify("WATCHDOG=1")
        often = min(PROBE_SECONDS, patience / 4) / len(good)
        pause = often
        while not _sleep(self.stop, pause, lambda: self._still(child)):
            if not child.alive:
                raise KitError(ended(child.words()))
            why = self._probe(min(self.manifest.server.response_timeout, patience / 2))
            if not why:
                good[self.verdict.asked] = time.monotonic()
            if time.monotonic() - min(good.values()) > patience:
                raise KitError(f"no prediction succeeded for {patience:.0f} s: {why or self._silent(good)}")
            if not why:
                notify("WATCHDOG=1")
            # A full queue refuses this question as it refuses others; asked often enough it gets its turn.
            pause = RETRY_SECONDS if why else often

    def _silent(self, good: Mapping[str, float]) -> str:
        """Of several models, the one that has not answered for longest."""
        return f"{min(good, key=lambda name: good[name])} does not answer"

    def _serves(self) -> str:
        return str(endpoints.own_word(self.paths).get("release") or "")

    def _still(self, child: Child) -> bool:
        self.verdict.glance()
        return child.alive

    def _probe(self, timeout: float) -> str:
        """Why a real prediction failed; "" when it did not. A wrong answer is told, and is a sign of life all the same:
        a new start would not make it right."""
        try:
            answer = self._predict(timeout)
        except KitError as error:
            self.verdict.failed(error.message)
            return error.message
        self.verdict.answered(answer)
        return "" if isinstance(answer, dict) and answer else f"it answered {str(answer)[:100]}"


def _sleep(stop: threading.Event, seconds: float, while_true: Callable[[], bool]) -> bool:
    """Sleep, but not longer than `while_true` holds. True when it is time to stop."""
    deadline = time.monotonic() + seconds
    while while_true() and time.monotonic() < deadline:
        if stop.wait(min(POLL_SECONDS, seconds)):
            return True
    return stop.is_set()
