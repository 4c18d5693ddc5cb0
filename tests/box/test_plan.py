"""Hot, by a restart, or not at all: and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from box.activation.choice import Situation, choose
from common.manifest import Manifest
from common.manifest_reading import parse
from tests.box.shop import GATE, canonical, make_release


def manifest(folder: Path, version: str = "1.0", change: dict[str, Any] | None = None, **made: Any) -> Manifest:
    """A release's manifest, with sections of it changed afterwards."""
    document = json.loads(make_release(version, folder, **made).manifest)
    for section, values in (change or {}).items():
        document[section] |= values
    return parse(canonical(document))


@pytest.fixture
def running(tmp_path: Path) -> Manifest:
    return manifest(tmp_path)


def test_the_first(tmp_path: Path) -> None:
    assert choose(manifest(tmp_path), Situation(None, False, 0)).how == "first"


def test_what_runs(running: Manifest) -> None:
    assert choose(running, Situation(running, True, 0)).how == "none"
    assert choose(running, Situation(running, False, 0)).how == "restart"


def test_another_address(running: Manifest) -> None:
    choice = choose(running, Situation(running, True, 9999, address_changes=True))
    assert (choice.how, choice.why) == ("restart", "the address changes")


def test_another_model_version_is_hot_when_there_is_room(tmp_path: Path, running: Manifest) -> None:
    new = manifest(tmp_path, "2.0", gate=GATE | {"second_worker_mb": 350})
    assert choose(new, Situation(running, True, 350)).how == "hot"
    choice = choose(new, Situation(running, True, 349))
    assert choice.how == "restart"
    assert choice.why == "no room for a second worker: it needs 350 MB, 349 MB are free"


def test_beside_a_server_that_is_down_nothing_is_hot(tmp_path: Path, running: Manifest) -> None:
    assert choose(manifest(tmp_path, "2.0"), Situation(running, False, 9999)).how == "restart"


@pytest.mark.parametrize(
    ("change", "config", "why"),
    [
        ({"runtime": {"id": "0" * 16}}, "tokens on\n", "the runtime changes"),
        ({"model": {"name": "other"}}, "tokens on\n", "the models change from net to other"),
        ({"server": {"workers": 2}}, "tokens on\n", "the workers change from 1 to 2"),
        ({"server": {"environment": {}}}, "tokens on\n", "the way the server is started changes"),
        ({}, "another\n", "the configuration changes"),
    ],
)
def test_more_than_the_model(tmp_path: Path, running: Manifest, change: dict[str, Any], config: str, why: str) -> None:
    new = manifest(tmp_path, "2.0", change, config=config)
    assert choose(new, Situation(running, True, 9999)).why == why


def test_the_same_version_number_cannot_stand_beside_itself(tmp_path: Path, running: Manifest) -> None:
    choice = choose(manifest(tmp_path, "1.0", seconds=0.1), Situation(running, True, 9999))
    assert choice.how == "restart" and "version 1.0" in choice.why
