"""`make predict` for many pictures, against a real server."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.build import PROJECT
from tests.conftest import RunScript
from tests.integration.conftest import Server

VALIDATION = PROJECT / "models" / "resnet18-grocery43" / "validation"
LABELS = ("Banana", "Papaya", "Leek")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for label in LABELS:
        shutil.copytree(VALIDATION / label, tmp_path / "photos" / label)
    return tmp_path / "photos"


@pytest.fixture
def many(photos: Path) -> list[Path]:
    """Copies, for a run that takes some seconds."""
    made = []
    for file in sorted(photos.rglob("*.jpg")):
        for number in range(20):
            made.append(file.with_name(f"{number}-{file.name}"))
            shutil.copyfile(file, made[-1])
    return made


def rows(output: Path) -> list[dict[str, str]]:
    with output.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_answered_with_its_accuracy(server: Server, run_script: RunScript, tmp_path: Path) -> None:
    output = tmp_path / "answers.csv"
    environment = server.environment | {"IMAGE": str(VALIDATION), "OUT": str(output)}
    done = run_script("predict", env=environment)
    assert done.returncode == 0, done.stderr
    written = rows(output)
    right = sum(row["label"] == row["true_label"] for row in written)
    assert [Path(row["file"]) for row in written] == sorted(VALIDATION.rglob("*.jpg"), key=lambda path: path.parts)
    assert f"top-1 {right / len(written):.1%}, top-5" in done.stdout
    assert 0.6 < right / len(written) < 0.75
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"], "no journal is left"
    told = json.loads(run_script("predict", env=environment | {"JSON": "1"}).stdout)
    assert (told["pictures"], told["failed"]) == (len(written), 0)
    assert told["accuracy"]["top1"] == right / len(written)


def test_what_has_no_answer_is_a_row_and_asked_again(
    server: Server, run_script: RunScript, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "answers.jsonl"
    bad = photos / "Banana" / "0.jpg"
    bad.write_text("no picture")
    environment = server.environment | {"IMAGE": str(photos), "OUT": str(output)}
    first = run_script("predict", env=environment)
    assert (first.returncode, "no answer    1 picture" in first.stdout) == (1, True)
    assert f"{bad} HTTP 415: This is not a picture" in first.stderr
    found = {row["file"]: row for row in map(json.loads, output.read_text().splitlines())}
    assert found[str(bad)]["answer"] == {}
    assert len(found) == len(list(photos.rglob("*.jpg")))
    shutil.copyfile(photos / "Papaya" / "Papaya_001.jpg", bad)
    second = run_script("predict", env=environment)
    assert second.returncode == 0, second.stderr
    assert "asked        1 picture in" in second.stdout
    assert f"known        {len(found) - 1} answers" in second.stdout


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_ended_goes_on(
    server: Server, run_script: RunScript, many: list[Path], tmp_path: Path, sent: signal.Signals
) -> None:
    output = tmp_path / "answers.csv"
    environment = server.environment | {"IMAGE": str(tmp_path / "photos"), "OUT": str(output)}
    process = subprocess.Popen(
        # Whoever runs the tests in the background may ignore SIGINT, which a child takes over.
        ["env", "--default-signal=INT", sys.executable, "-m", "scripts.predict"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    journal = tmp_path / ".answers.csv.journal"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not journal.exists() or len(journal.read_text().splitlines()) < 11):
        time.sleep(0.01)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in said) == ({signal.SIGINT: 130, signal.SIGKILL: -9}[sent], False)
    assert not output.exists()
    again = run_script("predict", env=environment)
    assert again.returncode == 0, again.stderr
    asked, known = (int(again.stdout.split(word)[1].split()[0].replace(",", "")) for word in ("asked", "known"))
    total = len(many) + len(many) // 20
    assert (asked + known, known >= 10) == (total, True)
    assert len(rows(output)) == total
    assert not journal.exists()


def test_a_server_is_named_by_its_address(server: Server, run_script: RunScript, photos: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{photos / 'Leek'}/Leek_001.jpg\n{tmp_path / 'gone.jpg'}\n")
    there = server.environment | {
        "URL": server.state.inference,
        "HEADER_FILE": str(server.run.inference_header),
        "IMAGE": str(listed),
    }
    done = run_script("predict", env=there | {"OUT": str(tmp_path / "answers.csv")})
    assert done.returncode == 1
    assert "gone.jpg cannot be read: No such file or directory" in done.stderr
    assert [bool(row["label"]) for row in rows(tmp_path / "answers.csv")] == [True, False]
    one = run_script("predict", env=there | {"IMAGE": str(photos / "Papaya" / "Papaya_001.jpg"), "JSON": "1"})
    assert next(iter(json.loads(one.stdout))) == "Papaya"
    wrong = tmp_path / "wrong.header"
    wrong.write_text("Authorization: Bearer none\n")
    refused = run_script("predict", env=there | {"HEADER_FILE": str(wrong), "OUT": str(tmp_path / "other.csv")})
    assert (refused.returncode, "the server refuses every request: HTTP 400" in refused.stderr) == (1, True)
    assert not (tmp_path / "other.csv").exists()


def test_wrong_use_is_said(server: Server, run_script: RunScript, photos: Path) -> None:
    for wrong, said in (
        ({"IMAGE": str(photos / "absent")}, "does not exist"),
        ({"IMAGE": str(photos), "OUT": "answers.xlsx"}, "OUT=answers.xlsx is not a .csv or .jsonl file"),
        ({"IMAGE": str(photos), "URL": "shelf-01"}, "URL=shelf-01 is not an address"),
    ):
        done = run_script("predict", env=server.environment | wrong)
        assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
