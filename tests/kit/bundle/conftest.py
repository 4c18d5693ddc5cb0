"""One archived model for all of these tests, copied for each that changes something."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.archive.making import archive
from kit.bundle import making
from kit.bundle.target import BoxTarget
from kit.model.export import export
from kit.profiles import MODELS, Profile
from tests.kit.bundle.parts import edge_workshop, make_key, wheels

X86 = BoxTarget("linux_x86_64", "3.11")


@dataclass(frozen=True)
class Workstation:
    """What an operator has: a profile with an archive (its build in `build`), wheels, a key."""

    folder: Path
    profile: Profile
    key: Path
    wheels: list[Path]


@pytest.fixture(scope="session")
def first_workstation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workstation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILD", str(folder / "build"))
        workshop = edge_workshop(folder / "workshop")
        export(workshop.profile, workshop.request(model_name="tiny"))
        archive(workshop.profile, "", "1.0")
    make_key(folder)
    wheels(folder / "wheels")
    return folder


def open_workstation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Workstation:
    """The workstation in a folder. No index is asked for wheels: those of its folder are taken."""
    monkeypatch.setenv("BUILD", str(folder / "build"))
    found = wheels(folder / "wheels")
    monkeypatch.setattr(making, "fetch", lambda target, runtime, torch_index: found)
    return Workstation(folder, Profile("bench", folder / "workshop" / "bench", "a test's"), folder / "key", found)


@pytest.fixture
def workstation(first_workstation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workstation:
    shutil.copytree(first_workstation, tmp_path / "workstation")
    return open_workstation(tmp_path / "workstation", monkeypatch)


@pytest.fixture
def shop(workstation: Workstation) -> Workstation:
    """A workstation whose profile lists two models, each with an archive."""
    profile = workstation.profile
    (profile.folder / MODELS).write_text("shelf:\n  gate: {p95_ms: 500}\nproduce:\n  minWorkers: 2\n  maxWorkers: 2\n")
    for one in profile.models():
        shutil.copytree(profile.build.folder, one.build.folder, ignore=shutil.ignore_patterns("models", "*.mar"))
        report = json.loads(one.build.export_report.read_text())
        one.build.export_report.write_text(json.dumps(report | {"model_name": one.model}))
        archive(one, "", "1.0")
    return workstation


@pytest.fixture(scope="session")
def made(first_workstation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle; only to be read."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(first_workstation, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        opened = open_workstation(folder, patch)
        done = making.bundle(opened.profile, X86, opened.key)
        return opened.profile.build.bundles / str(done["file"])
