"""The kit's worker under a real TorchServe: torch's threads after a fork, a lost parent, and TorchServe's own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from common import processes
from common.server.answers import mismatch
from common.server.tokens import read_header
from kit import golden
from kit.serving import state
from kit.smoke.session import client
from processors import allowed
from tests.integration.places import Place, wait_for

ProfilePlace = Callable[..., Place]


def described(place: Place, running: state.ServerState, custom: bool = False) -> list[dict[str, object]]:
    with client(running.management, read_header(place.run.management_header), timeout=30) as http:
        rows: list[dict[str, object]] = http.get(
            f"/models/{running.models[0].name}", params={"customized": "true"} if custom else {}
        ).json()
    return rows


def answers_rightly(place: Place, running: state.ServerState) -> None:
    with place.client(running) as http:
        for one in golden.load(place.build.golden, ""):
            answer = http.put(f"/predictions/{running.models[0].name}", content=one.picture.read_bytes()).json()
            assert mismatch(one.picture.name, one.expected, one.tolerance, answer) == ""


def pids(place: Place, running: state.ServerState) -> list[int]:
    workers: object = described(place, running)[0]["workers"]
    assert isinstance(workers, list)
    return [int(worker["pid"]) for worker in workers]


@pytest.mark.parametrize("threads", ["1", "2", "all"])
def test_forked_workers_compute_with_as_many_threads_as_they_are_told(
    profile_place: ProfilePlace, threads: str
) -> None:
    place = profile_place({"model-config.yaml": [("threads: 1\n", f"threads: {threads}\n")]})
    running = place.start()
    answers_rightly(place, running)
    told: object = described(place, running, custom=True)[0]["customizedMetadata"]
    assert isinstance(told, dict)
    assert told["threads"] == (allowed() if threads == "all" else int(threads))
    family = processes.with_parents(pids(place, running))
    assert len(family) == len(pids(place, running)) + 2, "one parent, forked from what has imported torch"


def test_a_killed_parent_is_replaced_and_all_answer_again(profile_place: ProfilePlace) -> None:
    place = profile_place({})
    running = place.start()
    before = set(pids(place, running))
    behind = processes.with_parents(list(before)) - before
    (parent,) = (pid for pid in behind if psutil.Process(pid).name() == "model-parent")
    os.kill(parent, signal.SIGKILL)

    def back() -> bool:
        workers: object = described(place, running)[0]["workers"]
        assert isinstance(workers, list)
        return all(each["status"] == "READY" and int(each["pid"]) not in before for each in workers)

    wait_for(back)
    answers_rightly(place, running)
    assert place.server("stop").returncode == 0
    time.sleep(0.2)
    assert processes.family(running.pid) == [running.pid], "nothing of it is left"


def test_torchserves_own_worker_is_one_setting_away(profile_place: ProfilePlace) -> None:
    place = profile_place({"model-config.yaml": [("worker: kit\n", "worker: torchserve\n")]})
    running = place.start()
    answers_rightly(place, running)
    workers = pids(place, running)
    assert processes.with_parents(workers) == set(workers), "none of them is forked"
