"""A model that ONNX Runtime runs, under a real TorchServe."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from common import processes
from processors import allowed
from tests.conftest import RunScript, script_environment
from tests.integration.places import Place, wait_for
from tests.integration.test_workers import answers_rightly, described, pids

ProfilePlace = Callable[..., Place]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> Path:
    """A build folder with the embedded model for ONNX Runtime."""
    root = tmp_path_factory.mktemp("onnx")
    done = run_script("export", env=script_environment(root, PROFILE="onprem", RUNTIME="onnx"))
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize("threads", ["1", "all"])
def test_it_answers_rightly_without_torch_and_a_killed_worker_comes_back(
    profile_place: ProfilePlace, exported: Path, threads: str
) -> None:
    place = profile_place(
        {"model-config.yaml": [("threads: 1\n", f"threads: {threads}\n")]}, exported=exported, RUNTIME="onnx"
    )
    running = place.start()
    answers_rightly(place, running)
    told: object = described(place, running, custom=True)[0]["customizedMetadata"]
    assert isinstance(told, dict)
    assert told["threads"] == (allowed() if threads == "all" else 1)
    for pid in processes.with_parents(pids(place, running)):
        assert "libtorch" not in Path(f"/proc/{pid}/maps").read_text()
    killed = pids(place, running)[0]
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: killed not in pids(place, running) and 0 not in pids(place, running))
    answers_rightly(place, running)
