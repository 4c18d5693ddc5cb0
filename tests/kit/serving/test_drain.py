"""The drain's decisions, with TorchServe's management API played by a small one of our own."""

import itertools
import json
from typing import Any

import httpx

from kit.serving.api import Management
from kit.serving.drain import drain

Said = list[str]


class FakeTorchServe:
    """Two workers; each question goes to the next in turn, and worker 11 is busy for its first `busy` turns."""

    def __init__(self, busy: int) -> None:
        self.busy = busy
        self.turns = itertools.cycle([11, 12])
        self.asked: list[str] = []
        self.workers = [{"id": "9000", "pid": 11, "status": "READY"}, {"id": "9001", "pid": 12, "status": "READY"}]

    def management(self) -> Management:
        return Management(httpx.Client(base_url="http://torchserve", transport=httpx.MockTransport(self.answer)))

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(f"{path} {request.headers.get('authorization', '')}".strip())
        if path == "/token":
            return httpx.Response(200, text="\n")
        if path == "/models":
            return httpx.Response(200, json={"models": [{"modelName": "m", "modelUrl": "m.mar"}]})
        version: dict[str, Any] = {"modelName": "m", "modelVersion": "1.0", "workers": self.workers}
        if "customized" in request.url.params:
            pid = next(self.turns)
            if pid == 11 and self.busy > 0:
                self.busy -= 1
                pid = 12  # the other one takes it
            version["customizedMetadata"] = {"pid": pid}
        return httpx.Response(200, text=json.dumps([version]))


def test_new_requests_are_refused_first_then_every_worker_has_its_turn() -> None:
    server, said = FakeTorchServe(busy=3), Said()
    drain(server.management(), "the-api-token", 10, said.append)
    assert server.asked[0] == "/token Bearer the-api-token"
    assert server.busy == 0
    assert said == ["waiting for 2 workers to finish"]


def test_a_worker_that_never_finishes_does_not_hold_the_stop_for_ever() -> None:
    server, said = FakeTorchServe(busy=10**9), Said()
    drain(server.management(), "t", 0.2, said.append)
    assert said[-1] == "still at work after 0 s: 1 of 2 workers; their requests are cut"


def test_a_worker_that_died_is_not_waited_for() -> None:
    server, said = FakeTorchServe(busy=10**9), Said()
    answer = server.answer

    def dying(request: httpx.Request) -> httpx.Response:
        if len(server.asked) > 5:
            server.workers = [worker for worker in server.workers if worker["pid"] == 12]
            if "customized" in request.url.params:
                return httpx.Response(500, json={"message": "Worker died."})
        return answer(request)

    server.answer = dying  # type: ignore[method-assign]
    drain(server.management(), "t", 30, said.append)
    assert said == ["waiting for 2 workers to finish"]


def test_without_tokens_it_says_what_it_cannot_do() -> None:
    server, said = FakeTorchServe(busy=0), Said()
    drain(server.management(), "", 10, said.append)
    assert "tokens are off" in said[0]
    assert not any(question.startswith("/token") for question in server.asked)


def test_a_server_that_does_not_answer_has_nothing_to_drain() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    said = Said()
    drain(Management(httpx.Client(base_url="http://gone", transport=httpx.MockTransport(refuse))), "t", 10, said.append)
    assert said == ["not drained: connection refused"]
