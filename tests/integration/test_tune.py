"""A whole tuning with real servers: interrupted in its middle, gone on with, and its result served."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from kit import machine, profiles
from kit.build import PROJECT
from kit.files import read_json_lines, write_json
from kit.model.precision import PRECISIONS
from kit.tune import table
from kit.tune.exports import Exports
from kit.tune.folders import Folders
from tests.conftest import RunScript, script_environment
from tests.integration.places import free_addresses

# A few configurations, each measured so briefly that its figures mean nothing.
SETTINGS = {"PROFILE": "onprem", "DURATION": "0.5", "BUDGET": "4", "CLIENTS": "2"}


@pytest.fixture
def build(archive_root: Path, tmp_path: Path) -> Path:
    """A build folder that has the export in the profile's own precision; the others count as impossible."""
    folders = Folders(tmp_path / "tuned")
    exports = Exports(profiles.choose("onprem", machine.detect()), folders, lambda: False)
    described = json.loads((archive_root / "onprem" / "archive.json").read_text())
    own = described["provenance"]["precision"]
    for precision in PRECISIONS:
        failure = "" if precision == own else "it would take the test too long"
        write_json(exports.stamp(precision), {"identity": exports.identity(precision), "failure": failure})
    shutil.copytree(archive_root / "onprem", exports.build(own).folder, ignore=shutil.ignore_patterns("run"))
    return tmp_path


def test_without_the_exports_it_makes_one(tmp_path: Path) -> None:
    exports = Exports(profiles.choose("onprem", machine.detect()), Folders(tmp_path / "tuned"), lambda: False)
    assert exports.make("fp32") == ""
    made = exports.build("fp32")
    assert json.loads(made.archive_report.read_text())["provenance"]["precision"] == "fp32"


@pytest.mark.timeout(1200)
def test_it_goes_on_after_ctrl_c_and_its_result_serves(build: Path, run_script: RunScript) -> None:
    environment = script_environment(build, **SETTINGS)
    folders = Folders(build / "tuned")
    interrupted = tune_until(2, environment)
    assert interrupted.returncode == 130
    assert "the same command goes on from there" in interrupted.stderr
    assert left_running(build) == []
    before = read_json_lines(folders.journal)
    assert 2 <= len(before) < 10

    finished = run_script("tune", env=environment, timeout=900)
    assert finished.returncode == 0, finished.stderr
    after = read_json_lines(folders.journal)
    assert after[: len(before)] == before, "what was measured is not measured again"
    assert finished.stderr.count("(recorded)") == len(before)
    assert f"{len(before)} measurements of earlier runs count" in finished.stderr
    assert left_running(build) == []

    folder = folders.result("onprem-throughput")
    document = json.loads((folder / "report.json").read_text())
    assert document["measurements"] == len(after)
    assert sum(row["measured"] for row in document["candidates"]) == len(after)
    assert document["sentence"] in finished.stdout
    assert not [row for row in document["candidates"] if row["remark"]], "every request was answered"
    page = (folder / "report.html").read_text()
    for row in document["candidates"]:
        assert f"<td>{row['throughput']:.1f}</td><td>{row['p50']:.0f}</td><td>{row['p99']:.0f}</td>" in page
    assert all(name in finished.stdout for name in table.COLUMNS)

    again = run_script("tune", "--json", env=environment, timeout=200)
    assert read_json_lines(folders.journal) == after, "a third run has nothing left to measure"
    assert json.loads(again.stdout)["sentence"] == document["sentence"]
    nothing = run_script("tune", env=environment | {"SLO_P99_MS": "0.01", "BUDGET": "4"}, timeout=900)
    assert nothing.returncode == 1
    assert "none kept p99 ≤ 0.01 ms; nearest was" in nothing.stdout


@pytest.mark.timeout(1200)
def test_the_tuned_profile_is_one_to_archive_and_serve(build: Path, archive_root: Path, run_script: RunScript) -> None:
    environment = script_environment(build, **SETTINGS)
    assert run_script("tune", env=environment, timeout=900).returncode == 0
    folder = Folders(build / "tuned").result("onprem-throughput")
    chosen = json.loads((folder / "report.json").read_text())["chosen"]
    shutil.copytree(archive_root / "onprem", build / folder.name, ignore=shutil.ignore_patterns("run", "*.mar"))
    place = script_environment(build, PROFILE=str(folder), **free_addresses())
    archived = run_script("archive", env=place)
    assert archived.returncode == 0, archived.stderr
    started = run_script("server", "start", env=place)
    try:
        assert started.returncode == 0, started.stderr
        status = json.loads(run_script("server", "status", "--json", env=place).stdout)
        assert len(status["workers"]) == chosen["workers"]
    finally:
        run_script("server", "stop", env=place)


def tune_until(times: int, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Ctrl-C once it has reported so many measurements."""
    command = [sys.executable, "-m", "scripts.tune"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if sum("images/s" in one for one in said) == times:
                process.send_signal(signal.SIGINT)
                break
        said.append(process.communicate(timeout=300)[1])
    return subprocess.CompletedProcess(command, process.returncode, stderr="".join(said))


def left_running(build: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(build):
                found.append(process.name())
        except (psutil.Error, FileNotFoundError):
            continue
    return found
