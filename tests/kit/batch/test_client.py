"""One picture, and what a server may do with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import KitError, Unreachable
from common.server.torchserve import Inference
from kit.batch import client
from kit.batch.client import Client
from kit.batch.window import Window
from tests.kit.small_server import RIGHT, Answer, Serve, SmallServer

BUSY = (503, b'{"code": 503, "type": "ServiceUnavailableException", "message": "the queue is full"}')
NO_PICTURE = (415, b'{"code": 415, "type": "UnsupportedMediaTypeException", "message": "This is not a picture."}')
DIED = (507, b'{"code": 507, "type": "InternalServerException", "message": "Worker died."}')
FAILED = (503, b'{"code": 503, "type": "InternalServerException", "message": "Prediction failed"}')
BANANA = {"Banana": 0.97, "Lime": 0.02}
Ask = Callable[[Answer], "tuple[SmallServer, Client]"]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8picture")
    return file


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited, and are not."""
    waited: list[float] = []
    monkeypatch.setattr("kit.batch.client.time.sleep", waited.append)
    return waited


@pytest.fixture
def asked(serve: Serve) -> Ask:
    def start(answer: Answer) -> tuple[SmallServer, Client]:
        server = serve(answer)
        api = Inference(server.target.url, {"Authorization": "Bearer secret"})
        return server, Client(api, "fruit", Window(2, 2), lambda: False)

    return start


def then(*answers: tuple[int, bytes] | None) -> Answer:
    """These, and the last one again and again."""
    return lambda number: answers[min(number, len(answers) - 1)]


def test_an_answer_comes_with_the_picture_and_the_token(asked: Ask, picture: Path) -> None:
    server, one = asked(then((200, RIGHT)))
    assert one.answer(picture) == (BANANA, "")
    assert one.answer(picture) == (BANANA, "")
    assert server.bodies == {b"\xff\xd8picture"}
    assert server.tokens == {"Bearer secret"}
    one.close()


def test_a_refused_picture_is_not_asked_again_and_the_next_one_is(asked: Ask, picture: Path) -> None:
    server, one = asked(then(NO_PICTURE, (200, RIGHT)))
    assert one.answer(picture) == ({}, "HTTP 415: This is not a picture.")
    assert one.answer(picture) == (BANANA, "")
    assert server.asked == 2
    one.close()


def test_a_busy_server_is_asked_again_later_and_with_fewer_at_once(
    asked: Ask, picture: Path, pauses: list[float]
) -> None:
    server, one = asked(then(BUSY, BUSY, (200, RIGHT)))
    server.with_errors["Retry-After"] = "3"
    window = one._window
    assert one.answer(picture) == (BANANA, "")
    assert pauses == [3.0, 3.0]
    assert window.size == 1 + 1  # halved to one, and one more with the answer
    one.close()


def test_a_server_that_takes_nothing_ends_it(
    asked: Ask, picture: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BUSY_SECONDS", 0.0)
    _, one = asked(then(BUSY))
    with pytest.raises(KitError, match="took nothing for 0 s: HTTP 503, the queue is full"):
        one.answer(picture)


@pytest.mark.parametrize("answer", [DIED, FAILED, None])
def test_a_picture_that_ends_its_worker_or_the_connection_is_tried_three_times(
    asked: Ask, picture: Path, pauses: list[float], answer: tuple[int, bytes] | None
) -> None:
    server, one = asked(then(answer))
    answered, why = one.answer(picture)
    assert answered == {}
    assert why.startswith(f"HTTP {answer[0]}" if answer else "the server hung up 3 times")
    assert server.asked == 3


def test_a_connection_that_was_closed_meanwhile_is_opened_again(asked: Ask, picture: Path, pauses: list[float]) -> None:
    _, one = asked(then((200, RIGHT), None, (200, RIGHT)))
    assert [one.answer(picture) for _ in range(2)] == [(BANANA, "")] * 2
    one.close()


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "InvalidKeyException"), (401, "x"), (403, "x"), (404, "ModelNotFoundException")]
)
def test_what_no_picture_would_fare_better_with_ends_it(asked: Ask, picture: Path, status: int, kind: str) -> None:
    content = json.dumps({"code": status, "type": kind, "message": "No."}).encode()
    _, one = asked(then((status, content)))
    with pytest.raises(KitError, match=f"refuses every request: HTTP {status}, No"):
        one.answer(picture)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{}", b'{"Banana": "much"}'])
def test_an_answer_of_another_kind_is_none(asked: Ask, picture: Path, body: bytes) -> None:
    _, one = asked(then((200, body)))
    answered, why = one.answer(picture)
    assert (answered, why[:13]) == ({}, "the answer is")
    one.close()


def test_a_file_that_is_not_there(asked: Ask, tmp_path: Path) -> None:
    server, one = asked(then((200, RIGHT)))
    assert one.answer(tmp_path / "gone.jpg") == ({}, "cannot be read: No such file or directory")
    assert server.asked == 0


def test_an_address_where_nobody_is_ends_it_at_once(picture: Path, pauses: list[float]) -> None:
    one = Client(Inference("http://127.0.0.1:1", {}), "fruit", Window(1, 1), lambda: False)
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:1 does not answer"):
        one.answer(picture)
    assert pauses == []


def test_a_server_that_was_there_is_waited_for(
    asked: Ask, picture: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, one = asked(then((200, RIGHT)))
    assert one.answer(picture) == (BANANA, "")
    one.close()
    server.http.server_close()
    monkeypatch.setattr(client, "BUSY_SECONDS", 0.2)
    with pytest.raises(Unreachable):
        one.answer(picture)
    assert pauses


def test_nothing_is_asked_once_it_is_stopped(serve: Serve, picture: Path) -> None:
    server = serve(then((200, RIGHT)))
    one = Client(Inference(server.target.url, {}), "fruit", Window(1, 1), lambda: True)
    assert one.answer(picture) == ({}, "not asked: stopped")
    assert server.asked == 0
