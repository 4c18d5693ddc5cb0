"""What holds for every command: help for each option, and `make help` naming every target."""

import re
import subprocess
from pathlib import Path

import pytest

from kit.build import PROJECT
from tests.conftest import RunScript, script_environment

COMMANDS = sorted(
    path.stem for path in (PROJECT / "scripts").glob("*.py") if "typer.Typer(" in path.read_text(encoding="utf-8")
)
TARGET = re.compile(r"^([a-z-]+):(?!=)", re.MULTILINE)


def make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", *arguments], cwd=PROJECT, capture_output=True, text=True)


def test_make_help_lists_every_target_once_in_a_line_of_its_own() -> None:
    shown = make("help").stdout
    for target in TARGET.findall((PROJECT / "Makefile").read_text()):
        assert len(re.findall(rf"^  {target} +\S", shown, re.MULTILINE)) == 1, target
    assert max(len(line) for line in shown.splitlines()) <= 120


def test_make_alone_is_help() -> None:
    assert make().stdout == make("help").stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text(name: str, run_script: RunScript, tmp_path: Path) -> None:
    environment = script_environment(tmp_path, COLUMNS="200", NO_COLOR="1", TERM="dumb")
    helped = run_script(name, "--help", env=environment)
    assert helped.returncode == 0, helped.stderr
    listed = re.findall(r"│ +\*? *(start|stop|status|logs) ", helped.stdout)
    pages = [helped.stdout, *(run_script(name, command, "--help", env=environment).stdout for command in listed)]
    for page in pages:
        for line in page.splitlines():
            if re.match(r"│ +\*? *--", line):
                assert re.search(r"[A-Za-z]{3,}.*[.!?\]]", re.sub(r"--[a-z-]+|\[[^]]*\]", "", line)), line


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_wrong_use(name: str, run_script: RunScript, tmp_path: Path) -> None:
    refused = run_script(name, "--no-such-thing", env=script_environment(tmp_path))
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
