"""A release with a worker for each GPU, on a machine that has some, and on one that has none."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from box.system import gpus
from tests.box.shop import Box, Release, make_release


@pytest.fixture(autouse=True)
def asked_anew() -> None:
    gpus.count.cache_clear()


def driver(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An nvidia-smi that does as `script` says."""
    file = folder / "nvidia-smi"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("script", "count"),
    [("echo 0; echo 1", 2), ("echo 0", 1), ("echo 'No devices were found'", 0), ("echo 0; exit 9", 0), ("exit 127", 0)],
)
def test_they_are_what_the_driver_lists(
    script: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(tmp_path, script, monkeypatch)
    assert gpus.count() == count


def test_without_a_driver_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.count() == 0


def for_gpus(folder: Path) -> Release:
    release = make_release("1.0", folder, workers=0)
    document = json.loads(release.manifest)
    document["server"]["per_gpu"] = True
    return replace(release, document=document)


def test_a_worker_for_each_is_waited_for(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(tmp_path, "echo 0; echo 1", monkeypatch)
    result = box.deploy(for_gpus(tmp_path))
    assert result["gate"]["workers"] == 2
    assert len(box.ask("status")["workers"]) == 2


def test_a_box_without_one_does_not_take_it(box: Box, tmp_path: Path) -> None:
    release = for_gpus(tmp_path)
    assert "nvidia-smi lists none here" in box.refused("plan", release.name, stdin=release.manifest)["error"]
    box.take(release)  # as an image is made
    refused = box.refused("activate", release.name)
    assert "has a worker for each GPU, and nvidia-smi lists none here" in refused["error"]
    assert "--gpus all" in refused["hint"]


def test_a_gpu_that_is_gone_is_why_it_does_not_start(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(tmp_path, "echo 0", monkeypatch)
    release = for_gpus(tmp_path)
    box.deploy(release)
    box.kill_everything()
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    started = subprocess.run(box.command("serve"), env=box.environment, capture_output=True, text=True)
    assert started.returncode == 1
    assert f"{release.name} has a worker for each GPU, and nvidia-smi lists none here" in started.stderr
