"""The fleet command where no box is needed: what it refuses, and what it says of the workstation itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import RunScript, script_environment

VERBS = ("deploy", "rollback", "status", "logs", "history", "doctor")
# ssh cannot even try, and says so at once; a connection that is refused is tried again for most of a minute.
NOWHERE = "Host shelf-01\n  HostName 127.0.0.1\n  Port 9\n  BindAddress 192.0.2.1\n"


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "ssh_config").write_text(NOWHERE)
    return script_environment(tmp_path / "build", HOSTS="pi@shelf-01", SSH_CONFIG=str(tmp_path / "ssh_config"))


@pytest.mark.parametrize("verb", VERBS)
def test_boxes_have_to_be_named_in_one_way(verb: str, run_script: RunScript, tmp_path: Path) -> None:
    for named in ({}, {"FLEET": "a.yaml", "HOSTS": "pi@b"}):
        refused = run_script("fleet", verb, env=script_environment(tmp_path, **named))
        assert refused.returncode == 2
        assert "hint: FLEET=fleet.yaml, or HOSTS=pi@shelf-01" in refused.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_every_verb_is_explained(verb: str, run_script: RunScript, tmp_path: Path) -> None:
    environment = script_environment(tmp_path, COLUMNS="200", NO_COLOR="1", TERM="dumb")
    lines = run_script("fleet", verb, "--help", env=environment).stdout.splitlines()
    options = [line for line in lines if line.startswith("│ --")]
    assert len(options) >= 3
    assert all("." in line.rpartition("]")[0] or line.rstrip(" │").endswith(".") for line in options), options


def test_a_key_that_the_fleet_file_does_not_have_is_named_with_its_line(run_script: RunScript, tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text("boxes: [pi@b1]\nallowed_failure: 2\n")
    refused = run_script("fleet", "deploy", env=script_environment(tmp_path, FLEET=str(file)))
    assert refused.returncode == 2
    assert f"{file}:2: a fleet file has no 'allowed_failure'" in refused.stderr
    assert "did you mean 'allowed_failures'?" in refused.stderr


def test_with_no_bundle_it_says_how_to_make_one(run_script: RunScript, tmp_path: Path) -> None:
    refused = run_script("fleet", "deploy", env=script_environment(tmp_path, HOSTS="pi@b1"))
    assert refused.returncode == 2
    assert "make bundle PROFILE=edge" in refused.stderr


def test_there_is_nothing_to_resume_before_the_first_roll_out(run_script: RunScript, tmp_path: Path) -> None:
    refused = run_script("fleet", "deploy", env=script_environment(tmp_path, HOSTS="pi@b1", RESUME="1"))
    assert refused.returncode == 2
    assert "has no roll-out to resume" in refused.stderr


def test_a_box_that_does_not_answer_makes_status_fail_and_says_why(
    run_script: RunScript, nowhere: dict[str, str]
) -> None:
    asked = run_script("fleet", "status", env=nowhere)
    assert asked.returncode == 1
    assert "shelf-01: unknown: out of reach: ssh: connect to host 127.0.0.1 port 9: failure" in asked.stdout
    document = json.loads(run_script("fleet", "status", env=nowhere | {"JSON": "1"}).stdout)
    assert document["ok"] is False
    assert [box["box"] for box in document["boxes"]] == ["shelf-01"]


def test_doctor_looks_at_the_workstation_and_at_each_box(run_script: RunScript, nowhere: dict[str, str]) -> None:
    asked = run_script("fleet", "doctor", env=nowhere | {"JSON": "1", "SIGNERS": "/no/such/file"})
    assert asked.returncode == 1
    findings = json.loads(asked.stdout)["findings"]
    failed = [(one["place"], one["message"]) for one in findings if one["severity"] == "error"]
    assert ("workstation", "signers: /no/such/file does not exist") in failed
    assert any(place == "shelf-01" and "connect to host 127.0.0.1" in message for place, message in failed)
    assert any(one["place"] == "workstation" and one["message"].startswith("ssh: ") for one in findings)


def test_a_fleet_with_no_runs_has_an_empty_history(run_script: RunScript, nowhere: dict[str, str]) -> None:
    asked = run_script("fleet", "history", env=nowhere | {"JSON": "1"})
    assert (asked.returncode, json.loads(asked.stdout)) == (0, {"runs": []})
