from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import UsageError
from common.server import versions
from kit.profiles import Profile
from kit.serving import state
from kit.serving.launch import RunFolder
from kit.serving.models.changing import between, retire
from kit.serving.models.plan import ModelPlan
from kit.serving.preflight import Workers
from kit.serving.state import ServedModel, ServerState


def wanted(name: str, version: str, sha256: str) -> ModelPlan:
    archive = {"model_name": name, "model_version": version, "sha256": sha256 * 64}
    return ModelPlan(Profile("shop", Path("shop"), "", name), archive, [], 1, "", 30.0, Workers(1, 1))


def served(name: str, version: str, sha256: str) -> ServedModel:
    return ServedModel(name, version, sha256 * 64, 1, 30.0)


def test_nothing_is_done_where_nothing_has_changed() -> None:
    changes = between([served("shelf", "1.0", "a")], [wanted("shelf", "1.0", "a")])
    assert (changes.words, changes.new, changes.removed) == ("", [], [])


def test_models_are_added_renewed_and_taken_away() -> None:
    there = [served("shelf", "1.0", "a"), served("produce", "1.0", "b"), served("wine", "3.1", "c")]
    now = [wanted("shelf", "2.0", "d"), wanted("wine", "3.1", "c"), wanted("bread", "1.0", "e")]
    changes = between(there, now)
    assert changes.words == "bread 1.0 is added; shelf becomes 2.0; produce 1.0 is taken away"
    assert [one.name for one in changes.new] == ["bread", "shelf"]


def test_one_version_cannot_be_of_two_archives() -> None:
    with pytest.raises(UsageError, match="shelf 1.0 is served, and was archived anew under the same version") as raised:
        between([served("shelf", "1.0", "a")], [wanted("shelf", "1.0", "b")])
    assert "MODEL_NAME=shelf MODEL_VERSION=<another>" in raised.value.hint


def test_what_a_change_that_was_cut_short_left_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not what has come back meanwhile."""
    run = RunFolder(tmp_path)
    run.model_store.mkdir()
    gone, back = served("shelf", "1.0", "a"), served("produce", "1.0", "b")
    for one in (gone, back):
        (run.model_store / one.stored).touch()
    now = (served("shelf", "2.0", "c"), served("produce", "1.0", "b"))
    server = ServerState(1, 0.0, now, "", "", "", "", "", retiring=(gone, back))
    retired: list[tuple[str, str]] = []
    monkeypatch.setattr(versions, "retire", lambda _, model, version, *rest: retired.append((model, version)))
    done = retire(run, server, print)
    assert retired == [("shelf", "1.0")]
    assert done == state.read(run) == replace(server, retiring=())
    assert [path.name for path in run.model_store.iterdir()] == [back.stored]
