"""What a release leaves to the machine that it comes to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from common.manifest import Manifest, parse
from tests.box.shop import GATE, make_release


def manifest(folder: Path, workers: int, **gateway: Any) -> Manifest:
    gate = GATE | {"memory_mb": 500, "memory_free_mb": 100, "second_worker_mb": 50, "more_worker_mb": 20}
    document = json.loads(make_release("1.0", folder, gate=gate, gateway=True, workers=workers).manifest)
    document["gateway"] |= gateway
    return parse(json.dumps(document).encode())


def test_a_worker_for_each_processor_with_memory_and_requests_for_each(tmp_path: Path) -> None:
    left = manifest(tmp_path, 0, in_flight=8, queue=64)
    here = left.on(4)
    assert here.server.workers == 4
    assert (here.gate.memory_mb, here.gate.memory_free_mb, here.gate.second_worker_mb) == (560, 160, 110)
    assert here.gateway and here.gateway.in_flight == 32
    assert here.content == left.content, "what was signed"
    one = left.on(1)
    assert (one.server.workers, one.gate.memory_mb) == (1, 500)


def test_no_more_in_flight_than_torchserves_queue_takes(tmp_path: Path) -> None:
    front = manifest(tmp_path, 0, in_flight=8, queue=20).on(64).gateway
    assert front and front.in_flight == 20


def test_a_number_that_was_chosen_is_the_same_on_every_machine(tmp_path: Path) -> None:
    chosen = manifest(tmp_path, 1)
    assert chosen.on(64) is chosen
