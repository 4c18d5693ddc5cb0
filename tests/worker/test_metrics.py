"""What workers count, and what is told of it."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import pytest

from worker.metrics import MOST_WORKERS, Metrics

MEASURES: list[dict[str, Any]] = [
    {"key": "size", "name": "picture_size", "help": "How large.", "bounds": [1, 10]},
    {"key": "fruit", "name": "fruits_total", "help": "Which.", "label": "fruit", "values": ["Banana", "Lime"]},
]


def told(metrics: Metrics) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(metrics.document({"model": "resnet18", "version": "1.0"}))
    return document


def measure(metrics: Metrics, key: str) -> dict[str, Any]:
    return next(one for one in told(metrics)["measures"] if one["key"] == key)


def test_nothing_was_answered_yet() -> None:
    found = told(Metrics(MEASURES))
    assert (found["model"], found["version"], found["workers"]) == ("resnet18", "1.0", 0)
    assert not any(sum(one["counts"].values() if "label" in one else one["counts"]) for one in found["measures"])


def test_rows_of_all_workers_are_added_up() -> None:
    metrics = Metrics(MEASURES)
    one, two = (metrics.row(metrics.take_row()) for _ in range(2))
    for row, code, seconds in ((one, 200, 0.003), (one, 415, 0.0031), (two, 200, 60.0)):
        row.status("code", code)
        row.observe("handler", seconds)
    handler = measure(metrics, "handler")
    assert measure(metrics, "code")["counts"] == {"200": 2, "415": 1}
    assert handler["sum"] == pytest.approx(60.0061)
    assert handler["labels"] == {"stage": "handler"}
    counted = dict(zip([*handler["bounds"], math.inf], handler["counts"], strict=True))
    assert {bound: count for bound, count in counted.items() if count} == {0.003: 1, 0.005: 1, math.inf: 1}


def test_a_status_that_http_does_not_have_is_counted_as_500() -> None:
    metrics = Metrics()
    for code in (999, 99, 0, 600):
        metrics.row(metrics.take_row()).status("code", code)
    assert measure(metrics, "code")["counts"] == {"500": 4}


def test_what_a_handler_measures_is_told_beside_the_worker_s_own() -> None:
    metrics = Metrics(MEASURES)
    row = metrics.row(metrics.take_row())
    for value in (0, 1, 1.5, 10, 11):
        row.observe("size", value)
    row.count("fruit", 1)
    assert measure(metrics, "size") == {**MEASURES[0], "sum": 23.5, "counts": [2, 2, 1]}
    assert measure(metrics, "fruit")["counts"] == {"Lime": 1}


def test_a_row_that_was_given_back_counts_on_for_the_next_worker() -> None:
    metrics = Metrics()
    first = metrics.take_row()
    metrics.row(first).status("code", 200)
    metrics.give_back(first, died=False)
    again = metrics.take_row()
    assert again == first
    metrics.row(again).status("code", 200)
    found = told(metrics)
    assert measure(metrics, "code")["counts"] == {"200": 2}
    assert (found["workers"], found["workers_started"]) == (1, 2)


def test_more_workers_than_rows_share_the_last() -> None:
    metrics = Metrics()
    rows = [metrics.take_row() for _ in range(MOST_WORKERS + 3)]
    assert rows[-3:] == [MOST_WORKERS - 1] * 3
    metrics.row(rows[-1]).status("code", 200)
    assert measure(metrics, "code")["counts"] == {"200": 1}


def test_the_parent_reads_what_a_forked_worker_has_counted() -> None:
    metrics = Metrics()
    number = metrics.take_row()
    pid = os.fork()
    if pid == 0:
        metrics.row(number).status("code", 200)
        os._exit(0)
    os.waitpid(pid, 0)
    assert measure(metrics, "code")["counts"] == {"200": 1}
