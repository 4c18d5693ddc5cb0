from typing import Any

from box.readiness import Watch


def worker(status: str, pid: int = 7, number: str = "9000") -> dict[str, Any]:
    return {"id": number, "status": status, "pid": pid}


def test_ready_when_every_wanted_worker_is() -> None:
    watch = Watch(2)
    assert not watch.judge(True, [], []).done
    assert not watch.judge(True, [worker("READY")], []).done
    half = watch.judge(True, [worker("READY"), worker("UNLOADING", 8, "9001")], [])
    assert (half.ready, half.done, half.failure) == (1, False, "")
    assert watch.judge(True, [worker("READY"), worker("READY", 8, "9001")], []).done


def test_a_worker_that_was_replaced_while_it_started_will_do_it_again() -> None:
    watch = Watch(1)
    assert not watch.judge(True, [worker("UNLOADING", pid=-1)], []).failure
    assert not watch.judge(True, [worker("UNLOADING", pid=7)], []).failure
    failure = watch.judge(True, [worker("UNLOADING", pid=9)], []).failure
    assert "worker 9000 ended" in failure
    assert "memory" in failure


def test_a_workers_exception_is_the_failure() -> None:
    stamp = "2026-11-23T06:33:52.141Z INFO  MODEL_LOG "
    log = [stamp + "Backend worker process died.", stamp + "RuntimeError: PytorchStreamReader failed"]
    assert Watch(1).judge(True, [], log).failure == "the model does not load: RuntimeError: PytorchStreamReader failed"


def test_java_that_ended_says_its_last_words() -> None:
    failure = Watch(1).judge(False, [], ["", "Error: could not find libjvm.so", ""]).failure
    assert failure == "TorchServe ended: Error: could not find libjvm.so"
    assert Watch(1).judge(False, [], []).failure == "TorchServe ended: it said nothing"
