from typing import Any

import pytest

from common.server.readiness import LAST_WORDS_SECONDS, StartWatch

STAMP = "2026-11-23T06:33:52.141Z INFO  MODEL_LOG "


def worker(status: str, pid: int = 7, number: str = "9000") -> dict[str, Any]:
    return {"id": number, "status": status, "pid": pid}


def test_ready_when_every_wanted_worker_is() -> None:
    watch = StartWatch(2)
    assert not watch.judge(True, [], []).done
    assert not watch.judge(True, [worker("READY")], []).done
    half = watch.judge(True, [worker("READY"), worker("UNLOADING", 8, "9001")], [])
    assert (half.ready, half.done, half.failure) == (1, False, "")
    assert watch.judge(True, [worker("READY"), worker("READY", 8, "9001")], []).done


class Time:
    """A clock that stands still until it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_worker_that_was_replaced_while_it_started_will_do_it_again() -> None:
    clock = Time()
    watch = StartWatch(1, clock)
    assert not watch.judge(True, [worker("UNLOADING", pid=-1)], []).failure
    assert not watch.judge(True, [worker("UNLOADING", pid=7)], []).failure
    assert not watch.judge(True, [worker("READY", pid=9)], []).done, "it will end again"
    clock.now += LAST_WORDS_SECONDS
    failure = watch.judge(True, [worker("UNLOADING", pid=-1)], []).failure
    assert "worker 9000 died" in failure
    assert "memory" in failure


def test_a_cause_that_is_logged_after_the_worker_was_replaced_is_the_one_told() -> None:
    clock = Time()
    watch = StartWatch(1, clock)
    watch.judge(True, [worker("UNLOADING", pid=7)], [])
    assert not watch.judge(True, [worker("UNLOADING", pid=9)], []).failure
    clock.now += LAST_WORDS_SECONDS
    log = [STAMP + "Backend worker process died.", STAMP + "RuntimeError: PytorchStreamReader failed"]
    failure = watch.judge(True, [worker("UNLOADING", pid=9)], log).failure
    assert failure == "the model does not load: RuntimeError: PytorchStreamReader failed"


def test_java_that_ended_says_its_last_words_at_once() -> None:
    failure = StartWatch(1).judge(False, [], ["", "Error: could not find libjvm.so", ""]).failure
    assert failure == "TorchServe ended: Error: could not find libjvm.so"
    assert StartWatch(1).judge(False, [], []).failure == "TorchServe ended: it printed nothing"
    said = ["Failed to bind to address", "and went on about it"]
    assert StartWatch(1).judge(False, [], said).failure == "TorchServe ended: Failed to bind to address"


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        ("Backend worker process died", "the model does not load: Backend worker process died"),
        (
            "Load model failed: net, error: Worker died.",
            "the model does not load: Load model failed: net, error: Worker died.; "
            "it was killed, most likely because memory ran out",
        ),
    ],
)
def test_what_java_says_of_a_worker_without_a_word_of_its_own(said: str, failure: str) -> None:
    clock = Time()
    watch = StartWatch(1, clock)
    assert watch.judge(True, [], [said]).failure == ""
    clock.now += LAST_WORDS_SECONDS
    assert watch.judge(True, [], [said]).failure == failure
