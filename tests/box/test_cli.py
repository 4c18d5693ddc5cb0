"""What an operator and the workstation read: JSON lines, one result, no traceback; and the unit of the service."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
from pathlib import Path

import pytest

from box import cli, verbs
from box.program import installed
from box.server import supervisor
from kit.build import PROJECT
from kit.bundle import program
from tests.box.shop import Box

UNIT = PROJECT / "config/systemd/vision-serve.service"


@pytest.mark.parametrize(
    "words",
    [[], ["frobnicate"], ["activate"], ["--owner"], ["history", "-n", "many"], ["lock"], ["install", "/nowhere"]],
    ids=" ".join,
)
def test_wrong_use_is_status_2_and_a_result(box: Box, words: list[str]) -> None:
    status, lines = box.run(*words)
    assert status == 2
    assert lines[-1]["event"] == "result" and lines[-1]["ok"] is False and lines[-1]["error"]


def test_every_verb_has_a_function_and_every_function_a_verb() -> None:
    (commands,) = [action for action in cli.parser()._actions if action.dest == "verb"]
    assert commands.choices
    assert set(commands.choices) == {*verbs.VERBS, *verbs.RUNNING}


def test_a_bug_is_one_line_with_its_place(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object) -> dict[str, object]:
        raise KeyError("oh")

    monkeypatch.setitem(verbs.VERBS, "status", broken)
    assert cli.main(["--root", "/nowhere", "status"]) == 1
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert result["error"].startswith("this program failed at test_cli.py:") and "KeyError: 'oh'" in result["error"]
    assert "Traceback" not in err


@pytest.mark.parametrize("verb", ["status", "doctor", "history", "logs", "revert", "unlock --owner x", "recover"])
def test_a_bare_box_answers_every_question(box: Box, verb: str) -> None:
    _, lines = box.run(*verb.split())
    assert lines[-1]["event"] == "result"
    assert isinstance(lines[-1]["ok"], bool)


def test_provision_says_what_it_changed_and_then_nothing(box: Box) -> None:
    again = box.ask("provision", stdin=box.key.allowed_signers.encode())
    assert again["changed"] == []
    assert box.ask("provision")["changed"] == []
    (change,) = box.ask("provision", "--address", "http://127.0.0.1:9999")["changed"]
    assert change.startswith("replaced ") and change.endswith("the address http://127.0.0.1:9999")
    assert box.run("provision", "--address", "ftp://x")[0] == 2


def test_the_packed_program_is_the_same_and_brings_its_unit(box: Box, tmp_path: Path) -> None:
    packed = tmp_path / "box.pyz"
    packed.write_bytes(program.pack())
    box.paths.unit.unlink()
    done = subprocess.run(
        [sys.executable, str(packed), "--root", str(box.root), "provision"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in UNIT.read_text().splitlines() if installed.PLACEHOLDER not in line]
    assert set(lines) < set(box.paths.unit.read_text().splitlines())
    assert installed.PLACEHOLDER not in box.paths.unit.read_text()
    assert box.paths.program.read_bytes() == packed.read_bytes()
    assert box.paths.program.stat().st_mode & 0o777 == 0o755


def test_the_unit_keeps_its_promises() -> None:
    """What the issue asks of it; that systemd takes it is seen on booted boxes."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = dict(unit["Service"])
    assert service["Type"] == "notify" and service["User"] == "vision-serve" and int(service["WatchdogSec"]) > 60
    assert service["Restart"] == "always" and unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["CapabilityBoundingSet"]) == (
        "yes",
        "strict",
        "",
    )
    assert service["MemoryMax"] and service["TasksMax"] and service["LogRateLimitBurst"]
    assert unit["Install"]["WantedBy"] == "multi-user.target"
    assert str(supervisor.NOTHING_TO_SERVE) == service["RestartPreventExitStatus"]
    journal = configparser.RawConfigParser()
    journal.read(PROJECT / f"config/systemd/journald@{service['LogNamespace']}.conf")
    assert journal["Journal"]["Storage"] == "volatile" and journal["Journal"]["RuntimeMaxUse"] == "16M"
