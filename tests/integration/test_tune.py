"""A whole tuning with real servers: stopped in its middle, gone on with, and its result served."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from common import json_lines
from kit import machine, profiles
from kit.build import PROJECT
from kit.files import write_json
from kit.model.precision.precisions import PRECISIONS
from kit.tune.report import table
from kit.tune.trial.exports import Exports
from kit.tune.trial.folders import CandidateProfile, Folders
from tests.conftest import RunScript, script_environment
from tests.integration.places import Words, free_addresses

pytestmark = pytest.mark.timeout(1200)  # whichever test comes first tunes
# A few configurations, each measured so briefly that its figures mean nothing.
SETTINGS = {"PROFILE": "onprem", "DURATION": "0.5", "BUDGET": "4", "CLIENTS": "2"}


@dataclass(frozen=True)
class Tuning:
    """A whole run, stopped by Ctrl-C in its middle and gone on with. `before` and `after` are its journal then."""

    environment: dict[str, str]
    folders: Folders
    interrupted: Words
    before: list[dict[str, Any]]
    finished: Words
    after: list[dict[str, Any]]

    @property
    def result(self) -> Path:
        return self.folders.result("onprem-throughput")

    @property
    def report(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.result / "report.json").read_text())
        return read


@pytest.fixture(scope="module")
def build(archive_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder that has the export in the profile's own precision; the others count as impossible."""
    root = tmp_path_factory.mktemp("tune")
    folders = Folders(root / "tuned")
    exports = Exports(profiles.choose("onprem", machine.detect()), folders, lambda: False)
    described = json.loads((archive_root / "onprem" / "archive.json").read_text())
    own = described["provenance"]["precision"]
    for precision in PRECISIONS:
        failure = "" if precision == own else "it would take the test too long"
        write_json(exports.stamp(precision), {"identity": exports.identity(precision), "failure": failure})
    shutil.copytree(archive_root / "onprem", exports.build(own).folder, ignore=shutil.ignore_patterns("run"))
    return root


@pytest.fixture(scope="module")
def tuning(build: Path, run_script: RunScript) -> Tuning:
    environment, folders = script_environment(build, **SETTINGS), Folders(build / "tuned")
    interrupted = tune_until(2, environment)
    assert left_running(build) == []
    before = json_lines.read(folders.journal)
    finished = run_script("tune", env=environment, timeout=900)
    assert finished.returncode == 0, finished.stderr
    assert left_running(build) == []
    return Tuning(environment, folders, interrupted, before, finished, json_lines.read(folders.journal))


def test_without_the_exports_it_makes_one(tmp_path: Path) -> None:
    exports = Exports(profiles.choose("onprem", machine.detect()), Folders(tmp_path / "tuned"), lambda: False)
    assert exports.make("fp32") == ""
    made = exports.build("fp32")
    assert json.loads(made.archive_report.read_text())["provenance"]["precision"] == "fp32"


def test_it_goes_on_after_ctrl_c(tuning: Tuning) -> None:
    assert tuning.interrupted.returncode == 130
    assert "the same command goes on from there" in tuning.interrupted.stderr
    assert 2 <= len(tuning.before) < 10
    assert tuning.after[: len(tuning.before)] == tuning.before, "what was measured is not measured again"
    said = tuning.finished.stderr
    assert said.count("(recorded)") == len(tuning.before)
    assert f"{len(tuning.before)} measurements of earlier runs at hand" in said


def test_the_servers_that_are_measured_use_the_gpus_that_the_machine_has(tuning: Tuning) -> None:
    log = CandidateProfile("", tuning.folders.candidate, "").run.server_log.read_text()
    assert f"Number of GPUs: {len(machine.detect().gpus)}\n" in log


def test_table_and_report_hold_what_was_measured(tuning: Tuning) -> None:
    document = tuning.report
    assert document["measurements"] == len(tuning.after)
    assert sum(row["measured"] for row in document["candidates"]) == len(tuning.after)
    assert document["sentence"] in tuning.finished.stdout
    assert not [row for row in document["candidates"] if row["remark"]], "every request was answered"
    page = (tuning.result / "report.html").read_text()
    for row in document["candidates"]:
        assert f"<td>{row['throughput']:.1f}</td><td>{row['p50']:.0f}</td><td>{row['p99']:.0f}</td>" in page
    assert all(name in tuning.finished.stdout for name in table.COLUMNS)


def test_the_tuned_profile_is_one_to_archive_and_serve(
    tuning: Tuning, build: Path, archive_root: Path, run_script: RunScript
) -> None:
    folder = tuning.result
    shutil.copytree(archive_root / "onprem", build / folder.name, ignore=shutil.ignore_patterns("run", "*.mar"))
    place = script_environment(build, PROFILE=str(folder), **free_addresses())
    archived = run_script("archive", env=place)
    assert archived.returncode == 0, archived.stderr
    started = run_script("server", "start", env=place)
    try:
        assert started.returncode == 0, started.stderr
        status = json.loads(run_script("server", "status", "--json", env=place).stdout)
        assert len(status["workers"]) == tuning.report["chosen"]["workers"]
    finally:
        run_script("server", "stop", env=place)


def test_the_same_again_has_nothing_left_to_measure(tuning: Tuning, run_script: RunScript) -> None:
    sentence = tuning.report["sentence"]
    again = run_script("tune", "--json", env=tuning.environment)
    assert again.returncode == 0, again.stderr
    assert json_lines.read(tuning.folders.journal) == tuning.after
    assert json.loads(again.stdout)["sentence"] == sentence


def test_limits_that_nothing_keeps_end_with_1(tuning: Tuning, tmp_path: Path, run_script: RunScript) -> None:
    shutil.copytree(tuning.folders.root, tmp_path / "tuned")
    nothing = run_script("tune", env=script_environment(tmp_path, **SETTINGS, SLO_P99_MS="0.01"), timeout=900)
    assert nothing.returncode == 1
    assert "measurements of earlier runs at hand" in nothing.stderr
    assert "none met p99 ≤ 0.01 ms; closest was" in nothing.stdout


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
