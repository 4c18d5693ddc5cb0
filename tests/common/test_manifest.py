"""What a release leaves to the machine that it comes to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.errors import KitError
from common.manifest import Machine, Manifest
from common.manifest_reading import parse
from tests.box.shop import GATE, make_release


def machine(processors: int, gpus: int = 0) -> Machine:
    return Machine(lambda: processors, lambda: gpus)


def manifest(folder: Path, workers: int, **gateway: Any) -> Manifest:
    gate = GATE | {"memory_mb": 500, "memory_free_mb": 100, "second_worker_mb": 50, "more_worker_mb": 20}
    document = json.loads(make_release("1.0", folder, gate=gate, gateway=True, workers=workers).manifest)
    document["gateway"] |= gateway
    return parse(json.dumps(document).encode())


def test_a_worker_for_each_processor_with_memory_and_requests_for_each(tmp_path: Path) -> None:
    left = manifest(tmp_path, 0, in_flight=8, queue=64)
    here = left.on(machine(4))
    assert here.server.workers == 4
    assert (here.gate.memory_mb, here.gate.memory_free_mb, here.gate.second_worker_mb) == (560, 160, 110)
    assert here.gateway and here.gateway.in_flight == 32
    assert here.content == left.content, "what was signed"
    one = left.on(machine(1))
    assert (one.server.workers, one.gate.memory_mb) == (1, 500)


def test_no_more_in_flight_than_torchserves_queue_takes(tmp_path: Path) -> None:
    front = manifest(tmp_path, 0, in_flight=8, queue=20).on(machine(64)).gateway
    assert front and front.in_flight == 20


def test_a_number_that_was_chosen_is_the_same_on_every_machine(tmp_path: Path) -> None:
    chosen = manifest(tmp_path, 1)
    assert chosen.on(machine(64)) is chosen


MODEL = {"name": "shelf", "version": "3.0", "archive": "shelf.mar", "precision": "fp32"}


def several(folder: Path, **shelf: Any) -> Manifest:
    gate = GATE | {"memory_mb": 500, "memory_free_mb": 100, "second_worker_mb": 50, "more_worker_mb": 20}
    release = make_release("1.0", folder, gate=gate, gateway=True, others={"shelf": {"version": "3.0"}})
    document = json.loads(release.manifest)
    document["others"][0] |= shelf
    return parse(json.dumps(document).encode())


def test_each_model_is_a_release_of_its_own(tmp_path: Path) -> None:
    net, shelf = several(tmp_path, p95_ms=700, in_flight=3, about={"precision": "int8"}).models
    assert (net.model.name, shelf.model.name, shelf.model.version) == ("net", "shelf", "3.0")
    assert (net.gate.p95_ms, shelf.gate.p95_ms, shelf.gate.memory_mb) == (20_000, 700, 500)
    assert net.gateway and shelf.gateway and (net.gateway.in_flight, shelf.gateway.in_flight) == (8, 3)
    assert shelf.gateway.about == {"precision": "int8"}
    assert shelf.golden[0].file == "golden/shelf/papaya.jpg"
    assert net.models == [net] and shelf.models == [shelf]


def test_workers_are_left_to_the_machine_for_each_model(tmp_path: Path) -> None:
    net, shelf = several(tmp_path, workers=0, in_flight=8, queue=20).on(machine(4)).models
    assert (net.server.workers, shelf.server.workers) == (1, 4)
    assert net.gateway and shelf.gateway and (net.gateway.in_flight, shelf.gateway.in_flight) == (8, 20)
    assert net.gate.memory_mb == shelf.gate.memory_mb == 560


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": {"name": "net", "version": "1.0", "archive": "shelf.mar", "precision": "fp32"}}, "one name"),
        (
            {"model": {"name": "../x", "version": "1.0", "archive": "shelf.mar", "precision": "fp32"}},
            "cannot be a name",
        ),
        ({"model": {"name": "s", "version": "1.0", "archive": "none.mar", "precision": "fp32"}}, "not among the parts"),
        ({"golden": {"tolerance": 0.05, "pictures": []}}, "shelf has no golden picture"),
        ({"workers": -1}, "must not be negative"),
        ({"requests": 0}, "at least 1"),
        ({"about": 7}, "cannot read the manifest"),
    ],
)
def test_what_another_model_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(KitError, match=words):
        several(tmp_path, **change)


def test_a_worker_for_each_gpu_and_none_without(tmp_path: Path) -> None:
    left = manifest(tmp_path, 0, in_flight=256, queue=256)
    left = replace(left, server=replace(left.server, per_gpu=True))
    two, none = left.on(machine(16, 2)), left.on(machine(16))
    assert (two.server.workers, two.gate.memory_mb) == (2, 520)
    assert (none.server.workers, none.gate.memory_mb) == (0, 500)
