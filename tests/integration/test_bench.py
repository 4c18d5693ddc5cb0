"""`make bench` against real servers. Whether it loads and counts rightly, not how fast anything is."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.bench.load import pictures
from kit.bench.measuring import measure_server
from kit.bench.servers.loaded_server import of_state
from kit.build import PROJECT, Build
from kit.serving import state
from kit.serving.launch import RunFolder
from tests.conftest import RunScript, script_environment
from tests.integration.conftest import Server
from tests.integration.places import free_addresses

SHORT = ("--duration", "1", "--repeats", "1", "--json")


def unexpected(row: dict[str, Any]) -> set[str]:
    """Clients of an open loop do not wait for a machine that other tests have at the moment."""
    return set(row["errors"]) - ({"HTTP 503"} if row["loop"] == "open" else set())


def check(document: dict[str, Any], folder: Path, loads: int) -> None:
    """Every server answered rightly under every load, and the files hold what was printed."""
    assert len(document["loads"]) == loads
    for row in document["loads"]:
        assert not unexpected(row), row
        assert row["memory_bytes"] > 100e6
        assert row["generator_core_percent"]["value"] > 0
        if row["loop"] == "closed":  # in a second of half a slow server's rate, nothing may be due
            assert row["answers"] > 0, row
            assert row["cores"]["value"] > 0
            assert 0 < row["latency_ms"]["p50"]["value"] <= row["latency_ms"]["p99.9"]["value"]
    assert json.loads((folder / "report.json").read_text()) == document
    assert f"<h1>{document['sentence']}</h1>" in (folder / "report.html").read_text()


def test_a_running_server_is_loaded_and_left_running(server: Server, run_script: RunScript) -> None:
    ran = run_script("bench", *SHORT, "--clients", "1,4", "--limit", env=server.environment)
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    check(document, server.build.folder / "bench", loads=4)
    assert document["ceiling"]["value"] > 0
    kinds = Counter(process["kind"] for process in document["servers"][0]["processes"])
    workers = server.state.workers
    assert kinds == {"Java": 1, "worker": workers, "shared": workers + 3}, (
        "what imports, the parent, who watches, and what Java started for each"
    )
    assert document["servers"][0]["start_seconds"] is None
    assert state.running(server.run) == server.state


def test_as_the_tuner_calls_it(server: Server, tmp_path: Path) -> None:
    chosen = pictures.choose(pictures.REFERENCE_ONLY, tmp_path)
    target = of_state("tuned", server.state, server.run)
    measured = measure_server(target, chosen.files, clients=2, seconds=1, warm_up=0.2)
    assert measured.requests > 0
    assert measured.errors == 0
    assert measured.memory > 100e6
    refused = measure_server(replace(target, headers={}), chosen.files, clients=1, seconds=0.5, warm_up=0)
    assert refused.requests == 0
    assert refused.errors > 0


@pytest.mark.timeout(600)  # two stock servers on a machine of two busy cores
def test_beside_stock(server: Server, run_script: RunScript) -> None:
    arguments = ["--duration", "3", "--repeats", "1", "--json", "--clients", "2", "--against", "stock"]
    ran = run_script("bench", *arguments, "--pictures", "reference", env=server.environment, timeout=560)
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    names = ["this kit", "stock", "stock with OMP_NUM_THREADS=1"]
    closed = {row["server"]: row for row in document["loads"] if row["loop"] == "closed"}
    assert list(closed) == names
    # As it comes, stock may give no answer in three seconds; the start has proved that it gives right ones.
    assert not [row for row in document["loads"] if unexpected(row)]
    assert closed[names[2]]["answers"] > 0
    ratios = [row["against"] for row in document["comparisons"] if row["measure"] == "throughput"]
    assert names[2] in ratios
    assert [found["processes"][0]["kind"] for found in document["servers"]] == ["Java"] * 3
    for stock in (server.build.folder / "bench" / "stock").glob("[0-9]"):
        assert state.read(RunFolder(stock)) is None  # ended, and its tokens removed


def stopped_copy(archive_root: Path, root: Path) -> dict[str, str]:
    """A build folder with the archive in it and no server, and the environment that takes it."""
    without = shutil.ignore_patterns("run", "bench")
    shutil.copytree(archive_root / "onprem", root / "onprem", ignore=without)
    return script_environment(root, PROFILE="onprem", **free_addresses())


def test_without_a_server_one_is_started_and_ended(archive_root: Path, tmp_path: Path, run_script: RunScript) -> None:
    environment = stopped_copy(archive_root, tmp_path)
    ran = run_script("bench", *SHORT, "--clients", "2", "--pictures", "reference", env=environment)
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    check(document, tmp_path / "onprem" / "bench", loads=3)
    assert document["servers"][0]["start_seconds"]["value"] > 0
    assert state.read(RunFolder(Build(tmp_path / "onprem").run)) is None


def test_a_signal_leaves_nothing_running(archive_root: Path, tmp_path: Path) -> None:
    environment = stopped_copy(archive_root, tmp_path)
    run = RunFolder(Build(tmp_path / "onprem").run)
    command = [sys.executable, "-m", "scripts.bench", "--duration", "30", "--pictures", "reference"]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True) as bench:
        assert bench.stderr
        for line in bench.stderr:
            if "warming up" in line:
                break
        started = state.running(run)
        assert started
        bench.send_signal(signal.SIGTERM)
        bench.communicate(timeout=120)
    assert bench.returncode == 130
    assert started.process() is None
    assert state.read(run) is None
