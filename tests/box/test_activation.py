"""Releases that must not stay: whatever is wrong with one, the box goes back, says why, and calls it no success."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.box.shop import GATE, Box, Release, Result, make_release, wait_for
from tests.ports import free_port


@pytest.fixture
def first(box: Box, tmp_path: Path) -> Release:
    """A box with a confirmed release that answers."""
    release = make_release("1.0", tmp_path)
    box.deploy(release)
    return release


def came_back(box: Box, result: Result, first: Release) -> None:
    assert (result["ok"], result["rolled_back"], result["running"]) == (False, True, first.name)
    assert result["log"] and result["error"] and result["hint"]
    status = box.ask("status")
    assert (status["release"], status["confirmed"], status["on_trial"]) == (first.name, first.name, None)
    assert status["answers"]
    assert status["last_activation"]["ok"] is False


def test_one_that_crashes_at_start(box: Box, first: Release, tmp_path: Path) -> None:
    bad = make_release("2.0", tmp_path, config="another\n", crash="RuntimeError: no such operator")
    box.take(bad)
    result = box.refused("activate", bad.name)
    came_back(box, result, first)
    assert "RuntimeError: no such operator" in result["error"]
    assert any("RuntimeError: no such operator" in line for line in result["log"])
    assert result["downtime_seconds"] > 0
    late = box.refused("confirm", bad.name)
    assert late["rolled_back"] and "RuntimeError" in late["error"]


def test_a_hot_one_that_crashes_never_stops_the_old(box: Box, first: Release, tmp_path: Path) -> None:
    bad = make_release("2.0", tmp_path, crash="RuntimeError: no such operator")
    box.take(bad)
    result = box.refused("activate", bad.name)
    came_back(box, result, first)
    assert (result["how"], result["downtime_seconds"]) == ("hot", 0)
    assert "does not start beside" in result["error"] and "RuntimeError: no such operator" in result["error"]


@pytest.mark.parametrize("config", ["tokens on\n", "another\n"], ids=["hot", "restart"])
def test_one_that_answers_wrongly(box: Box, first: Release, tmp_path: Path, config: str) -> None:
    bad = make_release("2.0", tmp_path, config=config, expected={"Mango": 0.9})
    box.take(bad)
    result = box.refused("activate", bad.name)
    came_back(box, result, first)
    assert "papaya.jpg: expected Papaya first, got Mango (0.900)" in result["error"]


def test_one_that_is_too_slow(box: Box, first: Release, tmp_path: Path) -> None:
    bad = make_release("2.0", tmp_path, gate=GATE | {"p95_ms": 150}, seconds=0.3)
    box.take(bad)
    result = box.refused("activate", bad.name)
    came_back(box, result, first)
    assert "too slow" in result["error"] and result["gate"]["p95_ms"] > 300


def test_one_that_is_too_big(box: Box, first: Release, tmp_path: Path) -> None:
    bad = make_release("2.0", tmp_path, config="another\n", gate=GATE | {"memory_mb": 150}, megabytes=200)
    box.take(bad)
    result = box.refused("activate", bad.name)
    came_back(box, result, first)
    assert "too much memory" in result["error"] and result["gate"]["memory_mb"] > 200


def test_one_that_nobody_confirms(box: Box, first: Release, tmp_path: Path) -> None:
    lonely = make_release("2.0", tmp_path)
    box.take(lonely)
    result = box.ask("activate", lonely.name, "--confirm-seconds", "1")
    assert result["waiting"] is True
    wait_for(lambda: settled(box))
    late = box.refused("confirm", lonely.name)
    assert late["rolled_back"] and late["running"] == first.name and "no confirm came" in late["error"]
    assert box.answers_with() == "1.0"
    assert box.ask("history")["entries"][-1]["what"] == "rolled-back"


def test_one_that_is_given_up(box: Box, first: Release, tmp_path: Path) -> None:
    release = make_release("2.0", tmp_path, config="another\n")
    box.take(release)
    assert box.ask("activate", release.name)["how"] == "restart"
    assert box.answers_with() == "2.0"
    assert box.ask("revert") == {"event": "result", "ok": True, "release": release.name, "running": first.name}
    assert box.answers_with() == "1.0"
    assert box.ask("revert") == {"event": "result", "ok": True, "running": first.name}


def test_one_whose_server_dies_before_the_confirm(box: Box, first: Release, tmp_path: Path) -> None:
    release = make_release("2.0", tmp_path, config="another\n")
    box.take(release)
    box.ask("activate", release.name)
    os.kill(json.loads(box.paths.server_state.read_text())["java"], signal.SIGKILL)
    wait_for(lambda: settled(box))
    assert box.answers_with() == "1.0"
    assert "the server ended" in box.refused("confirm", release.name)["error"]


def test_a_first_release_that_fails_leaves_the_box_as_empty_as_it_was(box: Box, tmp_path: Path) -> None:
    bad = make_release("1.0", tmp_path, crash="ValueError: bad")
    box.take(bad)
    result = box.refused("activate", bad.name)
    assert (result["rolled_back"], result["running"]) == (True, None)
    status = box.ask("status")
    assert (status["release"], status["confirmed"], status["service"]) == (None, None, "stopped")
    box.deploy(make_release("1.1", tmp_path))
    assert box.answers_with() == "1.1"


@pytest.mark.parametrize("config", ["tokens on\n", "another\n"], ids=["hot", "restart"])
def test_a_killed_activation_is_settled(box: Box, first: Release, tmp_path: Path, config: str) -> None:
    release = make_release("2.0", tmp_path, config=config)
    box.take(release)
    box.ask("activate", release.name, "--confirm-seconds", "300")
    assert box.answers_with() == "2.0"
    kill(activation_of(box))
    wait_for(lambda: settled(box))
    assert box.answers_with() == "1.0"
    assert "ended before it was confirmed" in box.refused("confirm", release.name)["error"]


def test_with_its_guard_killed_too_the_next_verb_settles(box: Box, first: Release, tmp_path: Path) -> None:
    release = make_release("2.0", tmp_path)
    box.take(release)
    box.ask("activate", release.name, "--confirm-seconds", "300")
    kill(*processes(box, b"_guard"), activation_of(box))
    assert box.ask("status")["on_trial"] == release.name
    third = make_release("3.0", tmp_path)
    box.deploy(third)
    assert box.answers_with() == "3.0"
    assert box.ask("status")["previous"] == first.name


def test_a_confirm_stands_though_the_activation_died(box: Box, first: Release, tmp_path: Path) -> None:
    release = make_release("2.0", tmp_path)
    box.take(release)
    box.ask("activate", release.name)
    kill(*processes(box, b"_guard"), activation_of(box))
    assert box.ask("confirm", release.name)["confirmed"] is True
    status = box.ask("status")
    assert (status["release"], status["confirmed"], status["on_trial"]) == (release.name, release.name, None)
    assert box.answers_with() == "2.0"


def test_what_runs_already_is_asked_again_and_stays(box: Box, first: Release) -> None:
    result = box.ask("activate", first.name)
    assert (result["how"], result["waiting"]) == ("none", False)
    assert box.ask("confirm", first.name)["confirmed"] is True


def test_a_release_whose_server_was_stopped_is_started(box: Box, first: Release) -> None:
    os.kill(json.loads(box.paths.server_state.read_text())["pid"], signal.SIGKILL)
    kill(*processes(box, b"fake_server"))
    assert box.answers_with() is None
    assert box.ask("activate", first.name)["how"] == "restart"
    box.ask("confirm", first.name)
    assert box.answers_with() == "1.0"


def test_a_new_address_is_on_trial_like_a_release(box: Box, first: Release) -> None:
    """And one that this box cannot have is taken back with it."""
    good, taken = free_port(), socket.create_server(("127.0.0.1", 0))
    with taken:
        box.ask("provision", "--address", f"http://127.0.0.1:{taken.getsockname()[1]}")
        plan = box.ask("plan", first.name)
        assert (plan["how"], plan["why"]) == ("restart", "the address changes")
        assert box.answers_with() == "1.0", "it still listens where it did"
        assert "Address already in use" in box.refused("activate", first.name)["error"]
    assert box.answers_with() == "1.0"
    box.ask("provision", "--address", f"http://127.0.0.1:{good}")
    box.ask("activate", first.name)
    box.ask("confirm", first.name)
    assert box.answers_with() == "1.0"
    assert json.loads(box.paths.settings.read_text())["inference_address"].endswith(str(good))
    with socket.create_connection(("127.0.0.1", good)):
        pass


def settled(box: Box) -> bool:
    """Nothing is on trial, and no way back is under way."""
    status = box.ask("status")
    return not status["on_trial"] and not status["activating"]


def processes(box: Box, word: bytes) -> list[int]:
    """This box's processes with `word` in their command line."""
    found = subprocess.run(["pgrep", "--full", str(box.root)], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found if word in Path(f"/proc/{pid}/cmdline").read_bytes()]


def activation_of(box: Box) -> int:
    (pid,) = processes(box, b"_activate")
    return pid


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
