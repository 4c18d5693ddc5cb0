"""What workers count, and what is told of it."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from worker.metrics import MOST_WORKERS, Metrics


def told(metrics: Metrics) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(metrics.document("resnet18", "1.0"))
    return found


def counts(buckets: list[dict[str, Any]]) -> dict[float | None, int]:
    return {bucket["up_to"]: bucket["count"] for bucket in buckets if bucket["count"]}


def test_nothing_was_answered_yet() -> None:
    found = told(Metrics())
    assert (found["model"], found["version"], found["answers"], found["handler_seconds"]) == ("resnet18", "1.0", {}, 0)
    assert not counts(found["batches_by_seconds"]) and not counts(found["batches_by_requests"])


def test_rows_of_all_workers_are_added_up() -> None:
    metrics = Metrics()
    one, two = (metrics.row(metrics.take_row()) for _ in range(2))
    one.count([200, 415], 3_000_000)
    two.count([200], 60_000_000_000)
    two.count([200], 1_000_000)
    found = told(metrics)
    assert found["answers"] == {"200": 3, "415": 1}
    assert found["handler_seconds"] == pytest.approx(60.004)
    assert counts(found["batches_by_seconds"]) == {0.001: 1, 0.005: 1, None: 1}
    assert counts(found["batches_by_requests"]) == {1: 2, 2: 1}


def test_a_batch_of_a_hundred_and_a_status_that_http_does_not_have() -> None:
    metrics = Metrics()
    metrics.row(metrics.take_row()).count([999] * 100, 1)
    found = told(metrics)
    assert found["answers"] == {"500": 100}
    assert counts(found["batches_by_requests"]) == {None: 1}


def test_a_row_that_was_given_back_counts_on_for_the_next_worker() -> None:
    metrics = Metrics()
    first = metrics.take_row()
    metrics.row(first).count([200], 1)
    metrics.give_back(first)
    again = metrics.take_row()
    assert again == first
    metrics.row(again).count([200], 1)
    found = told(metrics)
    assert (found["answers"], found["workers"], found["workers_started"]) == ({"200": 2}, 1, 2)


def test_more_workers_than_rows_share_the_last() -> None:
    metrics = Metrics()
    rows = [metrics.take_row() for _ in range(MOST_WORKERS + 3)]
    assert rows[-3:] == [MOST_WORKERS - 1] * 3
    metrics.row(rows[-1]).count([200], 1)
    assert told(metrics)["answers"] == {"200": 1}


def test_the_parent_reads_what_a_forked_worker_has_counted() -> None:
    metrics = Metrics()
    number = metrics.take_row()
    pid = os.fork()
    if pid == 0:
        metrics.row(number).count([200], 5)
        os._exit(0)
    os.waitpid(pid, 0)
    assert told(metrics)["answers"] == {"200": 1}
