"""A box whose release has several models: each is started, watched, gated, and stands behind the gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.box.shop import EXPECTED, Box, Release, make_release
from tests.box.test_gateway import Till, front

ONE = {"shelf": {"version": "1.0"}}


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., Release]:
    def make(version: str, **more: object) -> Release:
        return make_release(version, tmp_path, gateway=True, **more)  # type: ignore[arg-type]

    return make


def ask(till: Till, model: str) -> tuple[int, object]:
    answer = till.ask(model)
    return answer.status_code, answer.json()


def versions(box: Box) -> dict[str, str]:
    return {one["name"]: one["version"] for one in box.ask("status")["models"]}


def test_each_answers_behind_the_gateway_and_is_told_of(box: Box, release: Callable[..., Release]) -> None:
    till = front(box)
    result = box.deploy(release("1.0", others=ONE))
    assert result["gate"]["workers"] == 2
    assert result["gate"]["golden_right"] == 2
    assert ask(till, "net") == (200, EXPECTED) == ask(till, "shelf")
    status = box.ask("status")
    assert (status["ready"], status["answers"], len(status["workers"])) == (True, True, 2)
    assert versions(box) == {"net": "1.0", "shelf": "1.0"}
    told = json.loads(box.paths.verdict.read_text())
    assert {name: seen["ready"] for name, seen in told["models"].items()} == {"net": True, "shelf": True}


def test_one_of_them_is_swapped_hot_and_the_other_never_stops(box: Box, release: Callable[..., Release]) -> None:
    till = front(box)
    box.deploy(release("1.0", others=ONE))
    java = json.loads(box.paths.server_state.read_text())["java"]
    result = box.deploy(release("1.0", others={"shelf": {"version": "2.0"}}))
    assert (result["how"], result["downtime_seconds"]) == ("hot", 0.0)
    assert json.loads(box.paths.server_state.read_text())["java"] == java
    assert versions(box) == {"net": "1.0", "shelf": "2.0"}
    assert ask(till, "shelf") == (200, EXPECTED)
    box.ask("rollback")
    assert versions(box) == {"net": "1.0", "shelf": "1.0"}


def test_another_list_of_models_is_a_restart(box: Box, release: Callable[..., Release]) -> None:
    box.deploy(release("1.0", others=ONE))
    result = box.deploy(release("1.0", others=ONE | {"wine": {"version": "1.0"}}))
    assert result["how"] == "restart"
    assert versions(box) == {"net": "1.0", "shelf": "1.0", "wine": "1.0"}


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_one_that_answers_wrongly_takes_the_whole_release_back(
    box: Box, release: Callable[..., Release], version: str
) -> None:
    """By a restart, since its archive is another of the same version, and hot."""
    box.deploy(release("1.0", others=ONE))
    bad = release("1.0", others={"shelf": {"version": version, "answers": {}}})
    box.take(bad)
    refused = box.refused("activate", bad.name)
    assert "415" in refused["error"] and refused["rolled_back"]
    assert versions(box) == {"net": "1.0", "shelf": "1.0"}
    assert box.answers_with() == "1.0"
