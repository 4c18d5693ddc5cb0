"""`python -m scripts.archive` as a user runs it, and the promise that the same inputs give the same bytes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.durable import sha256
from kit.build import PROJECT
from tests.conftest import RunScript, script_environment
from tests.support_models import make_workshop


def start(project: Path, script: str, env: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", f"scripts.{script}"], cwd=project, env=env)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Build folders of two builds that ran at the same time, in two copies of the project and of the inputs."""
    folders = [tmp_path_factory.mktemp(name) for name in ("here", "a_longer_way,[off]")]
    environments = []
    for number, folder in enumerate(folders):
        for name in ("kit", "common", "box", "scripts", "handlers", "config"):
            shutil.copytree(PROJECT / name, folder / "project" / name)
        workshop = make_workshop(folder / "workshop")
        for path in folder.rglob("*"):
            if path.is_file():
                os.utime(path, (1e9 * (number + 1),) * 2)
        environments.append(script_environment(folder / "build", **workshop.variables()))
    for script in ("export", "archive"):
        pairs = zip(folders, environments, strict=True)
        running = [start(folder / "project", script, environment) for folder, environment in pairs]
        assert [process.wait(timeout=200) for process in running] == [0, 0]
    return [folder / "build" / "bench" for folder in folders]


@pytest.mark.parametrize("name", ["model.pt", "make.mar", "archive.json", "export.json", "golden/golden.json"])
def test_two_projects_give_the_same_bytes(made: list[Path], name: str) -> None:
    assert sha256(made[0] / name) == sha256(made[1] / name)


def test_another_day_gives_the_same_bytes(made: list[Path], run_script: RunScript, tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "build" / "bench")
    (tmp_path / "build" / "bench" / "make.mar").unlink()
    profile = make_workshop(tmp_path / "workshop").profile.folder
    done = run_script("archive", "--json", env=script_environment(tmp_path / "build", PROFILE=str(profile)))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sha256"] == sha256(made[0] / "make.mar")


def test_two_at_once_in_one_folder_do_not_disturb_each_other(made: list[Path], tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "build" / "bench")
    profile = make_workshop(tmp_path / "workshop").profile.folder
    environment = script_environment(tmp_path / "build", PROFILE=str(profile))
    running = [start(PROJECT, "archive", environment) for _ in range(2)]
    assert [process.wait(timeout=100) for process in running] == [0, 0]
    assert sha256(tmp_path / "build" / "bench" / "make.mar") == sha256(made[0] / "make.mar")


def test_the_result_is_shown_as_a_table(made: list[Path], run_script: RunScript, tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "build" / "bench")
    profile = make_workshop(tmp_path / "workshop").profile.folder
    environment = script_environment(tmp_path / "build", PROFILE=str(profile), MODEL_VERSION="3.2")
    done = run_script("archive", env=environment)
    assert done.returncode == 0, done.stderr
    rows = {line[:9].strip(): line[9:].strip() for line in done.stdout.splitlines()}
    assert rows["model"] == "make 3.2 (fp32)"
    assert rows["sha256"] == sha256(tmp_path / "build" / "bench" / "make.mar")
    assert rows["archived"] == str(tmp_path / "build" / "bench" / "make.mar")


def test_without_an_export_it_ends_with_1_and_says_what_to_run(run_script: RunScript, tmp_path: Path) -> None:
    done = run_script("archive", env=script_environment(tmp_path, PROFILE="onprem"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: build/onprem/export.json does not exist\n" in done.stderr
    assert "hint: make export PROFILE=onprem\n" in done.stderr
