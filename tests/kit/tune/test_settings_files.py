"""Other values in the kit's own profiles, and in files written in other ways."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kit.profiles import CONFIG, MODEL_CONFIG, PROPERTIES, names
from kit.serving.settings import parse
from kit.tune.trial.settings_files import Setting, in_properties, in_yaml, with_properties

TOP = [
    Setting("minWorkers", 2, "2 cores ÷ 1 thread"),
    Setting("maxWorkers", 2, ""),
    Setting("batchSize", 4, "more than one"),
    Setting("maxBatchDelay", None, "nothing waits"),
]
INSIDE = [Setting("threads", 1, "one is enough"), Setting("precision", "int8", "quicker")]


@pytest.mark.parametrize("name", names())
def test_only_the_given_values_change_in_the_kits_profiles(name: str) -> None:
    original = (CONFIG / name / MODEL_CONFIG).read_text()
    made = in_yaml(original, "Tuned.", TOP, "handler", INSIDE)
    before, after = yaml.safe_load(original), yaml.safe_load(made)
    assert after["handler"] == before["handler"] | {"threads": 1, "precision": "int8"}
    changed = {"handler", "minWorkers", "maxWorkers", "batchSize", "maxBatchDelay"}
    assert {key: value for key, value in after.items() if key not in changed} == {
        key: value for key, value in before.items() if key not in changed
    }
    assert (after["minWorkers"], after["maxWorkers"], after["batchSize"]) == (2, 2, 4)
    assert "maxBatchDelay" not in after
    for said in ("# Tuned.", "# minWorkers=2 (2 cores ÷ 1 thread)\n", "  # threads=1 (one is enough)\n"):
        assert said in made
    assert "# Seconds. Any file here makes both 120" in made, "what is still true stays"


@pytest.mark.parametrize("name", names())
def test_only_the_given_values_change_in_the_kits_properties(name: str) -> None:
    original = (CONFIG / name / PROPERTIES).read_text()
    made = in_properties(original, "Tuned.", [Setting("default_workers_per_model", 3, "because")])
    assert parse(made) == parse(original) | {"default_workers_per_model": "3"}
    assert made.count("default_workers_per_model") == 2, "the value, and the reason above it"
    assert "# Tokens on." in made


def test_a_comment_goes_with_the_value_that_it_explained_and_stays_with_what_is_left() -> None:
    original = (
        "# Only of one.\nbatchSize: 1\n\n# Of two.\nminWorkers: 1\njobQueueSize: 7\n\n# No maxWorkers: because.\n"
    )
    made = in_yaml(original, "T.", TOP, "handler", INSIDE)
    assert "Only of one" not in made
    assert "# Of two.\njobQueueSize: 7" in made
    assert "No maxWorkers" not in made


@pytest.mark.parametrize(
    "original",
    [
        "batchSize: 2\nhandler: {threads: 4, topk: 3}\n",
        "{batchSize: 2, handler: {threads: 4, topk: 3}}\n",
        "handler:\n    threads: 4\n    topk: 3\nbatchSize: 2\n",
        "handler:\n\n  topk: 3  # three\n",
        "batchSize : 2\nhandler:   # ours\n  topk: 3\n",
    ],
)
def test_the_values_are_right_however_the_file_is_written(original: str) -> None:
    after = yaml.safe_load(in_yaml(original, "T.", TOP, "handler", INSIDE))
    assert after == {
        "minWorkers": 2,
        "maxWorkers": 2,
        "batchSize": 4,
        "handler": {"threads": 1, "precision": "int8", "topk": 3},
    }


def test_a_file_without_the_section_gets_one() -> None:
    assert yaml.safe_load(in_yaml("jobQueueSize: 7\n", "T.", [], "handler", INSIDE)) == {
        "jobQueueSize": 7,
        "handler": {"threads": 1, "precision": "int8"},
    }


def test_bare_values_take_the_place_of_what_was_there(tmp_path: Path) -> None:
    made = with_properties("a=1\n# b\nb=2\n", {"b": "3", "c": "4"})
    assert parse(made) == {"a": "1", "b": "3", "c": "4"}
