"""A real archive of the embedded model and a real TorchServe, made once for all integration tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from common.server.tokens import read_header
from kit import golden
from kit.build import Build
from kit.golden import Golden
from kit.profiles import CONFIG
from kit.serving import state
from kit.serving.launch import RunFolder
from kit.serving.state import ServerState
from kit.smoke.session import client
from tests.conftest import RunScript, script_environment
from tests.integration.places import Place, free_addresses


@dataclass(frozen=True)
class Server:
    """A running server, and the environment in which our scripts find it."""

    environment: dict[str, str]
    build: Build
    run: RunFolder
    state: ServerState

    @property
    def golden(self) -> list[Golden]:
        return golden.load(self.build.golden, "")

    def inference(self) -> httpx.Client:
        return client(self.state.inference, read_header(self.run.inference_header), timeout=60)

    def management(self) -> httpx.Client:
        return client(self.state.management, read_header(self.run.management_header), timeout=60)


@pytest.fixture(scope="session")
def server(archive_root: Path, run_script: RunScript) -> Iterator[Server]:
    """One server for the tests that leave it as they find it."""
    environment = script_environment(archive_root, PROFILE="onprem", **free_addresses())
    build = Build(archive_root / "onprem")
    started = run_script("server", "start", env=environment)
    try:
        assert started.returncode == 0, started.stderr
        running = state.running(RunFolder(build.run))
        assert running
        yield Server(environment, build, RunFolder(build.run), running)
    finally:
        run_script("server", "stop", env=environment)


@pytest.fixture
def place(archive_root: Path, tmp_path: Path, run_script: RunScript) -> Iterator[Place]:
    made = Place(tmp_path, run_script, "onprem")
    shutil.copytree(archive_root / "onprem", made.build.folder, ignore=shutil.ignore_patterns("run"))
    yield made
    made.server("stop")


@pytest.fixture
def profile_place(archive_root: Path, tmp_path: Path, run_script: RunScript) -> Iterator[Callable[..., Place]]:
    """`profile_place({"config.properties": [(old, new)]})`: a place whose profile is onprem with changes; `exported`: a
    build folder whose export it takes."""
    made: list[Place] = []

    def make(changes: dict[str, list[tuple[str, str]]], exported: Path = archive_root, **variables: str) -> Place:
        folder = tmp_path / "profiles" / "changed"
        shutil.copytree(CONFIG / "onprem", folder)
        for file, pairs in changes.items():
            text = (folder / file).read_text()
            for old, new in pairs:
                assert old in text
                text = text.replace(old, new)
            (folder / file).write_text(text)
        place = Place(tmp_path, run_script, str(folder), **variables)
        shutil.copytree(exported / "onprem", place.build.folder, ignore=shutil.ignore_patterns("run", "*.mar"))
        archived = run_script("archive", env=place.environment)
        assert archived.returncode == 0, archived.stderr
        made.append(place)
        return place

    yield make
    for place in made:
        place.server("stop")
