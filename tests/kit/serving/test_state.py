import os
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from common.errors import KitError
from common.server import tokens
from kit.files import write_json
from kit.serving import state
from kit.serving.launch import RunFolder
from kit.serving.state import ServedModel, ServerState


def server(pid: int, created: float) -> ServerState:
    return ServerState(pid, created, (ServedModel("m", "1.0", "0" * 64, 1, 30.0),), "i", "m", "x", "g", "/nonexistent")


def test_a_state_is_read_as_it_was_saved(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert state.read(run) is None
    gone = ServedModel("m", "0.9", "1" * 64, 1, 30.0)
    me = replace(server(os.getpid(), psutil.Process().create_time()), retiring=(gone,))
    state.save(run, me)
    assert state.read(run) == me
    assert state.running(run) == me
    assert run.state.stat().st_mode & 0o777 == 0o600


def test_another_process_under_the_same_pid_is_not_the_server(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    state.save(run, server(os.getpid(), psutil.Process().create_time() - 100))
    assert state.running(run) is None


def test_clear_removes_what_is_secret_and_leaves_the_logs(tmp_path: Path) -> None:
    run, temp = RunFolder(tmp_path), tmp_path / "tmp"
    for folder in (run.logs, run.model_store, temp):
        folder.mkdir()
    write_json(run.keys, {name: {"key": f"{name}-key"} for name in ("management", "inference", "API")})
    assert tokens.write_headers(run.keys, run.inference_header, run.management_header)
    state.clear(run, str(temp))
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_only_one_start_or_stop_at_a_time(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with state.locked(run, "start"), pytest.raises(KitError, match="cannot stop: another"), state.locked(run, "stop"):
        pass
    with state.locked(run, "start"):
        assert run.folder.stat().st_mode & 0o777 == 0o700
