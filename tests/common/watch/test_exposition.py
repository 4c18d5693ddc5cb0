"""Prometheus's text format, as Prometheus reads it."""

from __future__ import annotations

import math

from common.watch import exposition
from kit.client.exposition import parse
from tests.common.watch.documents import Workers


def told(*workers: Workers) -> str:
    about = {"release": "fruit-1.0"}
    return exposition.text([one.document() for one in workers], {"temperature_celsius": 51.5}, about)


def samples(text: str) -> dict[tuple[object, ...], float]:
    return {(one.name, *sorted(one.labels.items())): one.value for one in parse(text)}


def test_histograms_are_cumulative_and_names_escaped() -> None:
    workers = Workers()
    for label, confidence in ((0, 0.4), (1, 0.6), (1, 0.95)):
        workers.answer(label, confidence)
    found = samples(told(workers))
    model, version = ("model", "fruit"), ("version", "1.0")
    buckets = [found["vision_confidence_bucket", ("le", bound), model, version] for bound in ("0.5", "0.9", "+Inf")]
    assert buckets == [1, 2, 3]
    assert math.isclose(found["vision_confidence_sum", model, version], 1.95)
    assert found["vision_answers_total", ("label", r"L\"ime"), model, version] == 2
    assert found["vision_temperature_celsius",] == 51.5
    assert found["vision_model_info", model, ("precision", "int8"), ("release", "fruit-1.0"), version] == 1


def test_two_versions_stand_under_one_name() -> None:
    one, two = Workers(), Workers("2.0")
    one.answer()
    text = told(one, two)
    assert text.count("# TYPE vision_requests_total counter") == 1
    assert samples(text)["vision_workers", ("model", "fruit"), ("version", "2.0")] == 1


def test_nothing_but_the_machine_while_no_worker_runs() -> None:
    assert [one.name for one in parse(told())] == ["vision_temperature_celsius"]
