"""Trying one candidate for real: its profile, its archive, its server, a load, and everything away again."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.durable import sha256
from common.errors import KitError
from kit.archive.member import with_member
from kit.bench.measurement import Measurement
from kit.bench.measuring import measure_server
from kit.bench.servers.loaded_server import of_state
from kit.files import read_json, write_json, write_text
from kit.machine import Machine
from kit.profiles import MODEL_CONFIG, PROPERTIES, SECTION, Profile
from kit.serving import lifecycle, state
from kit.serving.ports import addresses, free_ports
from kit.serving.proving import proved_server
from kit.tune.search.candidate import Candidate, Failure, Outcome
from kit.tune.trial import profile_settings
from kit.tune.trial.exports import Exports
from kit.tune.trial.folders import CandidateProfile, Folders
from kit.tune.trial.settings_files import in_properties, in_yaml, with_properties

WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Load:
    """`clients` ask for `pictures` without a pause, for `seconds` that count."""

    clients: int
    seconds: float
    pictures: Sequence[Path]


@dataclass(frozen=True)
class Executor:
    """`stopped` says whether the user has asked to end; a measurement that has begun is finished first."""

    base: Profile
    machine: Machine
    folders: Folders
    exports: Exports
    load: Load
    stopped: Callable[[], bool]

    def measure(self, candidate: Candidate) -> Outcome:
        """Start it, load it, stop it. Raises KeyboardInterrupt when asked to end before it was measured."""
        profile = self.prepare(candidate)
        try:
            wanted = lifecycle.plan(profile, self.machine)
            seen = self._served(wanted, candidate.words)
        except KitError as error:
            return Failure(str(error))
        return seen if seen.requests else Failure(f"it answered nothing rightly in {self.load.seconds:g} s")

    def _served(self, wanted: lifecycle.ServerPlan, name: str) -> Measurement:
        """Raises KitError when the server does not start or the generator does not finish."""
        with proved_server(wanted, self._look_for_a_signal) as proved, deaf_to_ctrl_c():
            target = of_state(name, proved.server, wanted.run)
            return measure_server(target, self.load.pictures, self.load.clients, self.load.seconds, WARM_UP_SECONDS)

    def prepare(self, candidate: Candidate) -> CandidateProfile:
        """The candidate's profile and build, on ports that are free just now."""
        profile = CandidateProfile(candidate.words, self.folders.candidate, "being measured")
        text = in_yaml(
            self.base.model_config.read_text(encoding="utf-8"),
            "For a measurement.",
            profile_settings.model_settings(candidate, {}),
            SECTION,
            profile_settings.handler_settings(candidate, {}),
        )
        write_text(profile.folder / MODEL_CONFIG, text)
        properties = in_properties(
            self.base.properties.read_text(encoding="utf-8"),
            "For a measurement.",
            profile_settings.server_settings(candidate, {}),
        )
        write_text(profile.folder / PROPERTIES, with_properties(properties, by_file(free_ports(), self.machine)))
        self._build(profile, self.exports.build(candidate.precision).folder, text)
        return profile

    def _build(self, profile: CandidateProfile, exported: Path, model_config: str) -> None:
        """A copy of the precision's archive with the candidate's settings in it: no packing, no torch, no 9 s."""
        build = profile.build
        described = read_json(exported / build.archive_report.name, "make tune")
        build.folder.mkdir(parents=True, exist_ok=True)
        made = build.folder / described["file"]
        with_member(exported / described["file"], MODEL_CONFIG, model_config.encode(), made)
        write_json(build.archive_report, {**described, "sha256": sha256(made), "size": made.stat().st_size})
        shutil.rmtree(build.golden, ignore_errors=True)
        shutil.copytree(exported / build.golden.name, build.golden)

    def _look_for_a_signal(self, text: str) -> None:
        if self.stopped():
            raise KeyboardInterrupt

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One tuning at a time in this build folder; what a killed one left running is ended first."""
        run = CandidateProfile("", self.folders.candidate, "").run
        with state.locked(run, "tune"):
            if left := state.read(run):
                lifecycle.end(run, left)
            yield


def by_file(ports: Sequence[int], machine: Machine) -> dict[str, str]:
    """Properties for five ports. The environment's are not taken: they say where the user's own server listens. So
    the file says, too, how many GPUs there are."""
    return addresses(ports) | {"enable_envvars_config": "false", "number_of_gpu": str(len(machine.gpus))}


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """A Ctrl-C reaches every process of the terminal, the load generator too. It inherits this and lives on; here
    the signal comes in when the block ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
