"""TorchServe's messages, read and written; the other side is tests/worker/front_end.py."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.worker import front_end
from worker import protocol
from worker.protocol import Answer, FrontEndClosed, LoadRequest, ProtocolError, Reader, Request

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def read(pair: Pair, message: bytes) -> LoadRequest | list[Request]:
    sender = threading.Thread(target=pair[1].sendall, args=(message,))
    sender.start()
    found = protocol.read(Reader(pair[0]))
    sender.join()
    return found


@pytest.mark.parametrize(("sent", "gpu"), [(-1, None), (0, 0), (3, 3)])
def test_a_model_to_load(pair: Pair, sent: int, gpu: int | None) -> None:
    found = read(pair, front_end.load("/models/é", "m", 8, sent))
    assert found == LoadRequest("m", "/models/é", 8, "echo_handler.py", gpu, "", True)


def test_a_batch_with_its_values_decoded_by_type(pair: Pair) -> None:
    big = bytes(range(256)) * 4096
    sent = [
        (
            {"topk": "3", "data": "a header"},
            [
                ("data", "application/json", b'{"a": 1}'),
                ("note", "text/plain", "é".encode()),
                ("body", "image/png", big),
            ],
        ),
        ({}, [("data", "application/json", b"{no json"), ("note", "text/plain", b"\xff")]),
        ({}, [("deep", "application/json", b"[" * 100_000)]),
    ]
    found = read(pair, front_end.predict(sent))
    assert isinstance(found, list)
    first, second, third = found
    assert first.id == b"request-0"
    assert first.row == {"data": {"a": 1}, "note": "é", "body": big}
    assert first.headers == {
        "data": "a header",
        "topk": "3",
        "note": {"content-type": "text/plain"},
        "body": {"content-type": "image/png"},
    }
    assert second.row == {"data": b"{no json", "note": b"\xff"}, "as it came"
    assert third.row == {"deep": b"[" * 100_000}


def test_one_reader_goes_on_where_a_message_ended(pair: Pair) -> None:
    batch = front_end.predict([({}, [("body", "", b"x" * 70_000)])])
    sender = threading.Thread(target=pair[1].sendall, args=(front_end.load("/m") + batch * 3,))
    sender.start()
    reader = Reader(pair[0])
    assert isinstance(protocol.read(reader), LoadRequest)
    for _ in range(3):
        found = protocol.read(reader)
        assert isinstance(found, list)
        assert found[0].row == {"body": b"x" * 70_000}
    sender.join()


def test_a_connection_that_ends_in_a_message_is_the_end(pair: Pair) -> None:
    pair[1].sendall(front_end.load("/m")[:-3])
    pair[1].close()
    with pytest.raises(FrontEndClosed):
        protocol.read(Reader(pair[0]))


@pytest.mark.parametrize("message", [b"X", b"L\xff\xff\xff\xfe"])
def test_what_is_no_message_is_said(pair: Pair, message: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(pair, message)


BATCH = [Request(b"request-0", {}, {}), Request(b"request-1", {}, {})]


def test_answers_keep_their_order_status_and_headers(pair: Pair) -> None:
    answers = [
        Answer({"Papaya": 0.5}, headers={"content-type": "application/json", "x": "é"}),
        Answer("no", code=415, phrase="Not a picture"),
    ]
    pair[0].sendall(protocol.answered(BATCH, answers))
    code, message, (first, second) = front_end.answer(pair[1])
    assert (code, message) == (200, "Prediction success")
    assert (first.id, first.content_type, first.code, first.headers["x"]) == ("request-0", "application/json", 200, "é")
    assert first.value == b'{\n  "Papaya": 0.5\n}'
    assert (second.id, second.code, second.phrase, second.value) == ("request-1", 415, "Not a picture", b"no")


@pytest.mark.parametrize("value", [b"\x00raw", bytearray(b"\x00raw")])
def test_bytes_are_answered_as_they_are(pair: Pair, value: bytes | bytearray) -> None:
    pair[0].sendall(protocol.answered(BATCH[:1], [Answer(value)]))
    assert front_end.answer(pair[1])[2][0].value == b"\x00raw"


def test_an_answer_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(protocol.Unwritable):
        protocol.answered(BATCH, [Answer({}), Answer(object())])


def test_what_fails_fails_for_each_of_the_batch(pair: Pair) -> None:
    pair[0].sendall(protocol.failed(BATCH, 507, "Out of resources"))
    code, message, answers = front_end.answer(pair[1])
    assert (code, message) == (507, "Out of resources")
    assert [(each.id, each.code) for each in answers] == [("request-0", 507), ("request-1", 507)]


def test_what_became_of_a_load(pair: Pair) -> None:
    pair[0].sendall(protocol.loaded(507, "System out of memory"))
    assert front_end.answer(pair[1]) == (507, "System out of memory", [])
