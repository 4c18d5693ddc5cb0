"""One worker on a socket, with small handlers."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.worker import front_end
from tests.worker.archives import archive
from worker.loading import Handler, NotLoaded
from worker.metrics import Metrics
from worker.protocol import FrontEndClosed
from worker.serving import Worker

Start = Callable[[str], socket.socket]
METRICS = Metrics()


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """A connection to a worker of a handler with this code; the model is not loaded yet."""
    monkeypatch.syspath_prepend(str(tmp_path / "archive"))
    threads = []
    ends = []

    def begin(code: str) -> socket.socket:
        archive(tmp_path / "archive", code)
        ours, theirs = socket.socketpair()

        def work() -> None:
            with ours, suppress(FrontEndClosed, SystemExit):
                Worker(ours, Handler(tmp_path / "archive"), METRICS.row(0)).run()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        ends.append(theirs)
        return theirs

    yield begin
    for end in ends:
        end.close()
    for thread in threads:
        thread.join(10)
    sys.modules.pop("echo_handler", None)
    logging.disable(logging.NOTSET)


def loaded(start: Start, tmp_path: Path, code: str) -> socket.socket:
    connection = start(code)
    connection.sendall(front_end.load(str(tmp_path / "archive"), batch_size=4))
    assert front_end.answer(connection) == (200, "loaded model echo", [])
    return connection


def handler(body: str, initialize: str = "pass") -> str:
    return (
        f"class H:\n    def initialize(self, context):\n        {initialize}\n"
        f"    def handle(self, rows, context):\n        {body}\n"
    )


def ask(connection: socket.socket, count: int = 2) -> tuple[int, str, list[front_end.Said]]:
    connection.sendall(front_end.predict([({"topk": str(number)}, [("body", "", b"x")]) for number in range(count)]))
    return front_end.answer(connection)


def test_each_request_gets_the_status_and_the_headers_that_the_handler_gave_it(start: Start, tmp_path: Path) -> None:
    body = (
        "context.set_response_status(415, 'No picture', 1); context.set_response_content_type(0, 'text/plain'); "
        "return [context.get_request_header(0, 'topk'), context.get_all_request_header(1)]"
    )
    connection = loaded(start, tmp_path, handler(body))
    for _ in range(2):
        code, _, (first, second) = ask(connection)
        assert (code, first.code, first.content_type, first.value) == (200, 200, "text/plain", b"0")
        assert (second.code, second.phrase, json.loads(second.value)["topk"]) == (415, "No picture", "1")


def test_a_handler_knows_its_model_and_its_batch(start: Start, tmp_path: Path) -> None:
    body = "return [context.system_properties | {'name': context.model_name, 'id': context.get_request_id(0)}]"
    _, _, (said,) = ask(loaded(start, tmp_path, handler(body)), 1)
    told = json.loads(said.value)
    assert told["model_dir"] == str(tmp_path / "archive")
    assert (told["batch_size"], told["gpu_id"], told["name"], told["id"]) == (4, None, "echo", "request-0")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise KeyError('x')", 503, "Prediction failed"),
        ("raise MemoryError", 507, "Out of resources"),
        ("e = RuntimeError(); e.error_code, e.message = 422, 'Not that'; raise e", 422, "Not that"),
        ("return [1]", 503, "number of batch response mismatched"),
        ("return 'two'", 503, "number of batch response mismatched"),
        ("return [{}, object()]", 503, "Unsupported model output data type."),
    ],
)
def test_a_handler_that_fails_fails_the_batch_and_the_worker_goes_on(
    start: Start, tmp_path: Path, body: str, code: int, message: str
) -> None:
    connection = loaded(start, tmp_path, handler(body))
    for _ in range(2):
        found, said, answers = ask(connection)
        assert (found, said, [each.code for each in answers]) == (code, message, [code, code])


@pytest.mark.parametrize(
    ("initialize", "code", "message"),
    [("raise ValueError('no labels')", 500, "no labels"), ("raise MemoryError", 507, "System out of memory")],
)
def test_a_model_that_does_not_load_is_told_and_ends_the_worker(
    start: Start, tmp_path: Path, initialize: str, code: int, message: str
) -> None:
    connection = start(handler("return []", initialize))
    connection.sendall(front_end.load(str(tmp_path / "archive")))
    assert front_end.answer(connection)[:2] == (code, message)
    assert connection.recv(1) == b""


def test_nothing_is_answered_before_a_model_is_loaded(start: Start) -> None:
    assert ask(start(handler("return []")))[:2] == (503, "No model is loaded")


@pytest.mark.parametrize("code", ["X = 1\n", handler("pass") + handler("pass").replace("class H", "class I")])
def test_a_handler_of_another_kind_is_refused_with_the_setting_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.syspath_prepend(str(archive(tmp_path / "archive", code)))
    monkeypatch.delitem(sys.modules, "echo_handler", raising=False)
    with pytest.raises(NotLoaded, match="worker: torchserve"):
        Handler(tmp_path / "archive")
    sys.modules.pop("echo_handler", None)
