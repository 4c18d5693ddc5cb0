"""The kit's variables: known by name, said where they come from the environment, and explained a target at a time."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from kit import home
from kit.build import PROJECT
from scripts import variables

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
KNOWN = re.search(r"^VARIABLES := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=PROJECT, env=clean | environment, capture_output=True, text=True)


def known() -> set[str]:
    assert KNOWN is not None
    return set(KNOWN[1].replace("\\", " ").split())


def test_make_knows_every_variable_of_every_command() -> None:
    targets = variables.targets()
    taken = {name for target in targets for name in variables.of_target(target, targets)}
    assert taken | set(variables.OTHERS) | {"T"} == known()
    assert set(home.VARIABLES) <= known()


def test_every_target_of_make_help_is_found() -> None:
    shown = re.findall(r"^  ([a-z0-9-]+) ", make("help").stdout, re.MULTILINE)
    assert sorted(shown) == sorted(variables.targets())


def test_a_misspelt_variable_is_refused_with_the_nearest_name() -> None:
    refused = make("archive", "PRECISON=int8", "colour=red")
    assert refused.returncode == 2
    assert "no such variable: PRECISON (did you mean PRECISION?)" in refused.stderr.replace("colour, ", "")
    assert "colour" in refused.stderr and refused.stdout == ""


@pytest.mark.parametrize("given", ["PRECISION=int8", "TS_METRICS_ADDRESS=http://127.0.0.1:1", "CUDA_VISIBLE_DEVICES="])
def test_a_known_one_is_passed_on(given: str) -> None:
    assert make("-n", "serve", given).returncode == 0


def test_what_is_exported_is_said_without_its_value() -> None:
    done = make("-n", "status", "JSON=1", FLEET="shops.yaml", KEY="ghp_secret")
    assert "scripts.fleet status" in done.stdout
    assert done.stderr.strip() == "note: taken from the environment: FLEET KEY"


def test_what_is_given_goes_before_what_is_exported() -> None:
    told = make("help", "T=deploy", T="serve")
    assert "BREAK_LOCK" in told.stdout
    assert told.stderr == ""


def test_a_make_that_runs_this_one_hands_on_its_own_variables() -> None:
    assert make("-n", "serve", "THEIR_OWN=1", MAKELEVEL="1").returncode == 0


def test_a_targets_variables_are_those_of_its_command_and_of_what_it_needs() -> None:
    shown = make("help", "T=archive").stdout
    assert re.search(r"^MODEL_VERSION ", shown, re.MULTILINE)
    assert re.search(r"^PRECISION  +\w", shown, re.MULTILINE)
    assert "TORCH_INDEX" not in shown
    assert re.search(r"^TORCH_INDEX +PyPI ", make("help", "T=setup").stdout, re.MULTILINE)


def test_an_unknown_target_is_wrong_use() -> None:
    refused = make("help", "T=exprot")
    assert refused.returncode == 2
    assert "no such target: exprot (did you mean export?)" in refused.stderr
