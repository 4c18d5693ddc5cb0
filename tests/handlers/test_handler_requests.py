"""How a picture may be sent, what else a request may say, and what a client is told when it is wrong."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from request_row import MOST_UNPACKED
from tests.handlers.handler_worker import LABELS, Worker
from torchscript_model import TorchScriptModel

Encode = Callable[..., bytes]
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
URL_ENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def jpeg(photograph: Image.Image, encode: Encode) -> bytes:
    return encode(photograph, "JPEG")


@pytest.fixture(scope="module")
def right(worker: Worker, jpeg: bytes) -> dict[str, float]:
    answer = worker.one(jpeg)
    assert answer.status == 200
    assert answer.content_type == "application/json"
    right: dict[str, float] = answer.body
    return right


def test_answer_is_the_best_five_from_the_best(right: dict[str, float]) -> None:
    assert len(right) == 5
    assert set(right) <= set(LABELS)
    assert list(right.values()) == sorted(right.values(), reverse=True)
    assert 0 < sum(right.values()) <= 1.00001


def test_an_answer_says_where_its_time_went_and_a_refusal_too(worker: Worker, jpeg: bytes) -> None:
    first, refused, second, described = worker.ask(jpeg, b"no", jpeg, {}, headers=[{}, {}, {}, {"describe": "True"}])
    for answer in (first, second):
        assert re.fullmatch(r"decode;dur=\d+\.\d\d, network;dur=\d+\.\d\d", answer.timing or "")
    assert first.timing and second.timing
    assert first.timing.split(", ")[1] == second.timing.split(", ")[1], "they went through it together"
    assert re.fullmatch(r"decode;dur=\d+\.\d\d", refused.timing or "")
    assert described.timing is None


def test_every_way_to_send_a_picture(worker: Worker, jpeg: bytes, right: dict[str, float]) -> None:
    text = base64.b64encode(jpeg).decode()
    lines = base64.encodebytes(jpeg).decode()
    as_json = {"body": {"content-type": "application/json"}}
    ways: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"body": bytearray(jpeg)}, {}),
        ({"body": bytearray(jpeg)}, {"body": {"content-type": "image/jpeg"}}),
        ({"body": bytearray(jpeg)}, {"body": "an HTTP header of that name"}),
        ({"body": bytearray(jpeg)}, as_json),
        ({"anything": bytearray(jpeg)}, {**FORM, "anything": {"content-type": "application/octet-stream"}}),
        ({"data": bytearray(jpeg)}, {}),  # gRPC
        ({"data": bytearray(text.encode())}, FORM),
        *(({"body": {key: text}}, as_json) for key in ("data", "body", "image", "b64")),
        ({"body": {"data": f"data:image/jpeg;base64,{text}"}}, as_json),
        ({"body": {"data": lines}}, as_json),
        ({"body": {"data": base64.urlsafe_b64encode(jpeg).decode().rstrip("=")}}, as_json),
        ({"body": text}, as_json),
        ({"body": bytearray(json.dumps({"data": text}).encode())}, {"body": {"content-type": "APPLICATION/JSON"}}),
        ({"body": bytearray(json.dumps({"data": text}).encode())}, {}),
        ({"body": text}, {"body": {"content-type": "text/plain"}}),
        ({"body": bytearray(text.encode())}, {}),  # base64 that does not say so
        ({"body": bytearray(lines.encode())}, {}),
        ({"photo": bytearray(jpeg)}, FORM),  # a part without a file's name
        *(({"body": {key: text}}, as_json) for key in ("image_data", "image_bytes")),
        ({"body": {"data": [text]}}, as_json),
        ({"body": [text]}, as_json),
        ({"body": {"instances": [text]}}, as_json),
        ({"body": {"instances": [{"data": text}]}}, as_json),
        ({"body": {"instances": [{"b64": text}]}}, as_json),
        ({"body": {"instances": [{"image_bytes": {"b64": text}}]}}, as_json),
        ({"data": bytearray(text.replace("+", " ").encode())}, URL_ENCODED),
        ({"body": bytearray(gzip.compress(jpeg))}, {"Content-Encoding": "gzip"}),
        ({"body": bytearray(zlib.compress(jpeg))}, {"content-encoding": "Deflate"}),
        ({"body": bytearray(jpeg)}, {"Content-Encoding": "gzip"}),  # the header was left on, and the packing was not
        ({"body": bytearray(jpeg)}, {"Content-Encoding": "identity"}),
        ({"body": bytearray(gzip.compress(json.dumps({"data": text}).encode()))}, {"Content-Encoding": "gzip"}),
    ]
    assert "+" in text
    for row, headers in ways:
        answer = worker.one(row, **headers)
        assert (answer.status, answer.body) == (200, right), (list(row), headers)


@pytest.mark.parametrize(
    ("row", "headers", "words"),
    [
        ({}, {}, "no picture in the request"),
        ({}, {"content-type": "application/x-www-form-urlencoded"}, "curl --data-binary"),
        ({"body": bytearray()}, {}, "empty"),
        ({"body": ""}, {"body": {"content-type": "text/plain"}}, "empty"),
        ({"body": {"data": ""}}, {}, "empty"),
        ({"body": {}}, {}, "no picture in the JSON"),
        ({"body": {"data": None}}, {}, "no picture in the JSON"),
        ({"body": {"data": ["x"]}}, {}, "not base64"),
        ({"body": []}, {}, "no picture in the JSON"),
        ({"body": 3}, {}, "no picture in the JSON"),
        ({"body": None}, {}, "no picture in the JSON"),
        ({"body": {"data": "not base64!"}}, {}, "not base64"),
        ({"body": {"data": "päron"}}, {}, "not base64"),
        ({"body": {"data": "\ud800"}}, {}, "not base64"),
        ({"body": {"data": "A"}}, {}, "not base64"),
        ({"body": {"data": "data:no-comma"}}, {}, "empty"),
        ({"body": bytearray(b"{oops")}, {}, "is not"),
        ({"body": bytearray(b"[" * 100_000)}, {"body": {"content-type": "application/json"}}, "is not"),
        ({"body": {"instances": []}}, {}, "no picture in the JSON"),
        ({"body": {"instances": [{"data": "aGVsbG8="}, {"data": "aGVsbG8="}]}}, {}, "one picture a request"),
        ({"body": {"data": [[[0.1, 0.2, 0.3]]]}}, {}, "no picture in the JSON"),
        ({"body": {"data": {"data": {"data": {"data": {"data": {"data": {"data": "aGVsbG8="}}}}}}}}, {}, "no picture"),
        ({"body": bytearray(b"hello")}, {"Content-Encoding": "gzip"}, "says it is gzip and is not"),
        ({"topk": bytearray(b"3"), "unknown": bytearray(b"aGVsbG8=")}, {}, "no picture in the request"),
    ],
)
def test_requests_without_a_picture_get_400(worker: Worker, row: Any, headers: Any, words: str) -> None:
    answer = worker.one(row, **headers)
    assert (answer.status, answer.body["code"]) == (400, 400)
    assert answer.body["type"] == "BadRequestException"
    assert words in answer.body["message"]
    assert answer.content_type == "application/json"


def test_an_encoding_that_is_not_known_gets_415_and_a_bomb_413(worker: Worker) -> None:
    answer = worker.one({"body": bytearray(b"x")}, **{"Content-Encoding": "br"})
    assert (answer.status, "'br' is not known" in answer.body["message"]) == (415, True)
    bomb = gzip.compress(bytes(MOST_UNPACKED + 1), 9)
    assert worker.one({"body": bytearray(bomb)}, **{"Content-Encoding": "gzip"}).status == 413


def test_two_files_in_one_request_get_400(worker: Worker, jpeg: bytes) -> None:
    types = {name: {"content-type": "image/jpeg"} for name in "ab"}
    answer = worker.one({"a": jpeg, "b": jpeg}, **FORM, **types)
    assert answer.status == 400
    assert "one picture a request" in answer.body["message"]


def test_two_parts_of_one_name_of_which_the_last_alone_arrives_get_400(worker: Worker, jpeg: bytes) -> None:
    upload = {"a": {"content-type": "image/jpeg"}, **FORM}
    both = worker.one({"a": jpeg}, **upload, **{"Content-Length": str(2 * len(jpeg) + 400)})
    assert (both.status, "several parts of one name" in both.body["message"]) == (400, True)
    for length in (str(len(jpeg) + 400), "unknown"):
        assert worker.one({"a": jpeg}, **upload, **{"Content-Length": length}).status == 200


def test_query_parameters_are_never_the_picture(worker: Worker, jpeg: bytes, right: dict[str, float]) -> None:
    upload = {"photo": {"content-type": "image/jpeg"}}
    for name in ("data", "body", "image", "other"):
        query = {name: bytearray(b"aGVsbG8=")}
        assert worker.one({**query, "photo": jpeg}, **FORM, **upload).body == right
        assert worker.one({**query, "body": jpeg}).body == right


@pytest.mark.parametrize("value", [b"3", "3", 3])
def test_topk_as_a_parameter(worker: Worker, jpeg: bytes, right: dict[str, float], value: Any) -> None:
    assert worker.one({"body": jpeg, "topk": value}).body == dict(list(right.items())[:3])


def test_topk_as_a_header_and_the_parameter_before_it(worker: Worker, jpeg: bytes) -> None:
    assert len(worker.one(jpeg, TopK="2").body) == 2
    assert len(worker.one({"body": jpeg, "topk": bytearray(b"4")}, **{"TOPK": "2"}).body) == 4


def test_topk_beyond_the_classes_gives_all(worker: Worker, jpeg: bytes) -> None:
    for value in (b"10", b"11", b"99999999999999999999"):
        body = worker.one({"body": jpeg, "topk": bytearray(value)}).body
        assert sorted(body) == sorted(LABELS)


@pytest.mark.parametrize(
    "value", [b"0", b"-1", b"", b"three", b"2.5", b"1_0", b"\xff", b"9" * 5000, "٣", None, [3], {}]
)
def test_topk_that_is_no_count_gets_400(worker: Worker, jpeg: bytes, value: Any) -> None:
    answer = worker.one({"body": jpeg, "topk": value})
    assert answer.status == 400
    assert "topk must be a whole number from 1 up" in answer.body["message"]


def test_topk_default_comes_from_the_settings(load: Callable[..., Worker], jpeg: bytes) -> None:
    assert len(load({"topk": 2}).one(jpeg).body) == 2


def test_classes_of_one_name_answer_with_the_likelier(load: Callable[..., Worker], jpeg: bytes) -> None:
    worker = load({"topk": 10}, labels=["crane"] * 9 + ["ship"])
    body = worker.one(jpeg).body
    assert sorted(body) == ["crane", "ship"]
    assert next(iter(body.values())) == max(body.values())


def test_describe_names_the_worker_among_other_requests(worker: Worker, jpeg: bytes, right: dict[str, float]) -> None:
    picture, described = worker.ask(jpeg, {}, headers=[{}, {"describe": "True"}])
    assert picture.body == right
    assert described.status == 200
    assert described.body == {"pid": os.getpid(), "threads": 1, "classes": len(LABELS)}


def test_a_bad_item_spoils_nobody_elses_answer(worker: Worker, jpeg: bytes, right: dict[str, float]) -> None:
    batch: list[Any] = [jpeg, b"", b"hello", jpeg[: len(jpeg) // 2], {"body": {"data": "?"}}, jpeg, {}, jpeg]
    answers = worker.ask(*batch)
    assert [answer.status for answer in answers] == [200, 400, 415, 422, 400, 200, 400, 200]
    for index in (0, 5, 7):
        assert answers[index].body == pytest.approx(right, abs=1e-5)
        assert list(answers[index].body) == list(right)


def test_nothing_is_kept_from_one_batch_to_the_next(worker: Worker, jpeg: bytes, right: dict[str, float]) -> None:
    assert worker.one({"body": b"", "topk": b"1"}).status == 400
    again = worker.one(jpeg)
    assert (again.status, again.body) == (200, right)


def test_an_answer_that_is_no_number_is_this_items_500(
    load: Callable[..., Worker], jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = load()
    plainly = TorchScriptModel.probabilities

    def half(model: TorchScriptModel, pixels: Any) -> Any:
        found = plainly(model, pixels)
        found[0, 1] = float("nan")
        return found

    monkeypatch.setattr(TorchScriptModel, "probabilities", half)
    bad, good = worker.ask(jpeg, jpeg)
    assert (bad.status, bad.body["code"], "not a number" in bad.body["message"]) == (500, 500, True)
    assert good.status == 200


def test_a_batch_of_bad_items_only_is_answered(worker: Worker) -> None:
    assert [answer.status for answer in worker.ask(b"", b"hello")] == [400, 415]


def test_statuses_and_bodies_pass_torchserves_protocol(worker: Worker, jpeg: bytes) -> None:
    header = {"name": b"Host", "value": b"x"}
    names = ("a", "b", "c", "d", "e")
    bodies = (jpeg, b"", b"hello", jpeg[:300], b"BM" + b"\xff" * 60)
    worker.service.context.metrics = type("Metrics", (), {"add_time": lambda *_: None})()
    worker.service.set_cl_socket(None)
    reply = worker.service.predict(
        [
            {
                "requestId": name.encode(),
                "headers": [header],
                "parameters": [{"name": "body", "contentType": "", "value": body}],
            }
            for name, body in zip(names, bodies, strict=True)
        ]
    )
    assert reply.startswith((200).to_bytes(4, "big"))
    assert _codes(bytes(reply), len(names)) == [200, 400, 415, 422, 422]


def _codes(reply: bytes, count: int) -> list[int]:
    """The items' status codes, read as the Java side reads them."""
    at = 4

    def number() -> int:
        nonlocal at
        at += 4
        return int.from_bytes(reply[at - 4 : at], "big", signed=True)

    def text() -> bytes:
        nonlocal at
        length = number()
        at += length
        return reply[at - length : at]

    text()
    codes = []
    for _ in range(count):
        text()
        text()
        codes.append(number())
        text()
        for _ in range(number()):
            text()
            text()
        json.loads(text())
    assert number() == -1
    return codes


def test_every_answer_carries_its_timing_refusals_of_whatever_kind_too(worker: Worker, photographs: list[Path]) -> None:
    """By it the gateway tells the handler's own refusals from TorchServe's, which it makes into 503."""
    picture = photographs[0].read_bytes()
    refused: list[dict[str, Any]] = [{"body": body} for body in (b"", b"x", picture[:2000], {"data": 1})]
    answers = worker.ask({"body": picture}, *refused)
    assert answers[0].status == 200
    assert all(answer.status in (400, 415, 422) for answer in answers[1:]), [answer.status for answer in answers]
    assert all(answer.timing for answer in answers)
