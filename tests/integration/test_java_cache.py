"""The cache of Java's loaded classes, made for real: every profile's Java takes it, and nothing is left beside it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kit import profiles
from kit.serving import java_cache, settings
from kit.serving.launch import RunFolder, here, java_command
from kit.serving.settings import ServerSettings

# Java ends with an error instead of going on without a cache that does not fit.
STRICT = "-XX:AOTMode=on"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("java") / "torchserve.aot"
    java_cache.make(made)
    return made


def test_it_is_all_that_is_written(cache: Path) -> None:
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


@pytest.mark.parametrize("name", profiles.names())
def test_every_profiles_java_takes_it(cache: Path, name: str) -> None:
    run = RunFolder(cache.parent / "run")
    folder = profiles.CONFIG / name
    loaded = settings.load(folder / profiles.PROPERTIES, os.environ | run.environment())
    assert took(cache, loaded, run).returncode == 0


def test_a_java_with_other_needs_goes_on_without_it(cache: Path) -> None:
    run = RunFolder(cache.parent / "run")
    other = ServerSettings({"vmargs": "-XX:+UseCompactObjectHeaders"})
    assert took(cache, other, run).returncode != 0, "or the tests above prove nothing"
    served = [word for word in java(cache, other, run) if word != STRICT]
    version = subprocess.run(served, capture_output=True, text=True)
    assert version.returncode == 0
    assert "aot" not in version.stdout + version.stderr, "and says nothing of it in the log"


def java(cache: Path, loaded: ServerSettings, run: RunFolder) -> list[str]:
    """The command that serves, with the class path of TorchServe, asked for its version instead."""
    command = java_command(loaded, here(run.folder / "c", run, run.folder), ["m.mar"])
    command = [f"-XX:AOTCache={cache}" if word.startswith("-XX:AOTCache=") else word for word in command]
    return [command[0], STRICT, *command[1 : command.index("org.pytorch.serve.ModelServer")], "-version"]


def took(cache: Path, loaded: ServerSettings, run: RunFolder) -> subprocess.CompletedProcess[str]:
    return subprocess.run(java(cache, loaded, run), capture_output=True, text=True)
