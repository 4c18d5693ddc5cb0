"""From a bare box to a release, an upgrade and back, as the workstation drives it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.box.shop import Box, make_release


def test_first_release_then_a_hot_upgrade_then_back(box: Box, tmp_path: Path) -> None:
    first, second = make_release("1.0", tmp_path), make_release("2.0", tmp_path)
    result = box.deploy(first)
    assert (result["how"], result["waiting"], result["downtime_seconds"]) == ("first", True, 0)
    assert box.answers_with() == "1.0"

    result = box.deploy(second)
    assert result["how"] == "hot"
    assert box.answers_with() == "2.0"

    result = box.ask("rollback")
    assert (result["release"], result["how"]) == (first.name, "hot")
    box.ask("confirm", first.name)
    status = box.ask("status")
    assert (status["release"], status["confirmed"], status["on_trial"]) == (first.name, first.name, None)
    assert status["answers"] and status["ready"]


def test_a_release_that_leaves_its_workers_to_the_machine_has_one_for_each_processor(box: Box, tmp_path: Path) -> None:
    first, second = (make_release(version, tmp_path, workers=0) for version in ("1.0", "2.0"))
    cores = len(os.sched_getaffinity(0))
    box.deploy(first)
    assert [worker["status"] for worker in box.ask("status")["workers"]] == ["READY"] * cores
    assert box.ask("plan", second.name, stdin=second.manifest)["how"] == "hot", "its number is the same here"
