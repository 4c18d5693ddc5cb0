"""What a client may send, and what TorchServe gets of it."""

from __future__ import annotations

import base64
import json
import socket
import time
import urllib.request
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gateway.conftest import PREDICT, Front, Start
from tests.gateway.fake_torchserve import MODEL, label
from tests.integration.places import wait_for

PICTURE = b"\xff\xd8\x00\r\n--picture\x00" * 100


def test_a_plain_body_is_passed_on_as_it_is(front: Front) -> None:
    with front.client() as client:
        answer = client.put(PREDICT, content=PICTURE)
    assert answer.json() == {label(PICTURE): 0.75, "other 1": 0.1}
    asked = front.behind.predictions()[0]
    assert (asked.method, asked.path, asked.body) == ("PUT", PREDICT, PICTURE)
    assert asked.headers["content-type"] == "application/octet-stream"


def test_a_version_may_be_named(front: Front) -> None:
    with front.client() as client:
        assert client.post(f"{PREDICT}/2.0", content=PICTURE).status_code == 200
    assert front.behind.predictions()[0].path == f"{PREDICT}/2.0"


@pytest.mark.parametrize("way", ["query", "header", "form"])
def test_topk_is_heard_however_it_is_said(front: Front, way: str) -> None:
    with front.client() as client:
        if way == "query":
            answer = client.post(f"{PREDICT}?topk=3", content=PICTURE)
        elif way == "header":
            answer = client.post(PREDICT, content=PICTURE, headers={"topk": "3"})
        else:
            answer = client.post(PREDICT, files={"image": PICTURE}, data={"topk": "3"})
    assert len(answer.json()) == 3


def test_a_form_becomes_its_picture(front: Front) -> None:
    with front.client() as client:
        answer = client.post(PREDICT, files={"image": ("picture.jpg", PICTURE, "image/jpeg")})
    assert label(PICTURE) in answer.json()
    asked = front.behind.predictions()[0]
    assert asked.body == PICTURE
    assert asked.headers["content-type"] == "application/octet-stream"


def test_a_form_of_the_largest_size_never_reaches_torchserve_as_one(front: Front) -> None:
    picture = b"\xff\xd8" + bytes(3_900_000)
    with front.client() as client:
        assert label(picture) in client.post(PREDICT, files={"image": picture}).json()
    assert front.behind.predictions()[0].headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"--x\r\n", "multipart/form-data; boundary=x", "not well formed"),
        (b"--x--\r\n", "multipart/form-data; boundary=x", "no picture in the form"),
        (b"picture", "multipart/form-data", "not well formed"),
        (b"", "multipart/form-data; boundary=x", "not well formed"),
        (b"topk=3", "application/x-www-form-urlencoded", "no picture in the form"),
        (b"data=%%%%", "application/x-www-form-urlencoded", "not base64"),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n1\r\n'
            b'--x\r\nContent-Disposition: form-data; name="b"; filename="b"\r\n\r\n2\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            "2 pictures",
        ),
    ],
)
def test_a_form_that_is_none_is_a_clear_error(front: Front, body: bytes, kind: str, words: str) -> None:
    with front.client() as client:
        refused = client.post(PREDICT, content=body, headers={"Content-Type": kind})
    assert refused.status_code == 400
    assert words in refused.json()["message"]
    assert front.behind.predictions() == []


def test_base64_in_a_form_is_a_picture_too(front: Front) -> None:
    text = base64.b64encode(PICTURE).decode()
    with front.client() as client:
        assert label(PICTURE) in client.post(PREDICT, data={"data": text}).json()


def test_python_s_urllib_and_curl_s_default_type_send_a_picture(front: Front) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{front.port}{PREDICT}", data=PICTURE, headers={"Authorization": f"Bearer {front.key}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert label(PICTURE) in json.load(answer)


def test_a_compressed_body_says_so_to_the_handler(front: Front) -> None:
    body = zlib.compress(PICTURE)
    with front.client() as client:
        client.post(PREDICT, content=body, headers={"Content-Encoding": "deflate"})
    asked = front.behind.predictions()[0]
    assert (asked.headers["content-encoding"], asked.body) == ("deflate", body)


def test_a_chunked_body_arrives_whole_and_with_its_length(front: Front) -> None:
    with front.client() as client:
        answer = client.post(PREDICT, content=(part for part in (PICTURE[:100], PICTURE[100:])))
    assert label(PICTURE) in answer.json()
    asked = front.behind.predictions()[0]
    assert asked.headers["content-length"] == str(len(PICTURE))
    assert "transfer-encoding" not in asked.headers


@pytest.mark.parametrize("name", ["describe", "Describe", "explain", "X-Forwarded-For", "Cookie", "customized"])
def test_no_header_of_the_client_s_goes_on_by_itself(front: Front, name: str) -> None:
    with front.client() as client:
        client.post(PREDICT, content=PICTURE, headers={name: "True"})
    assert name.lower() not in front.behind.predictions()[0].headers


def test_trace_context_goes_on_and_each_answer_has_an_id_and_its_timing(front: Front) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with front.client() as client:
        answer = client.post(PREDICT, content=PICTURE, headers={"traceparent": trace})
        form = client.post(PREDICT, files={"image": PICTURE})
    assert front.behind.predictions()[0].headers["traceparent"] == trace
    assert len(answer.headers["X-Request-Id"]) == 32
    assert answer.headers["X-Request-Id"] != form.headers["X-Request-Id"]
    for one in (answer, form):
        stages = [part.split(";")[0] for part in one.headers["Server-Timing"].split(", ")]
        assert stages == ["queue", "decode", "network", "total"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_refused(front: Front, method: str) -> None:
    with front.client() as client:
        assert client.request(method, PREDICT).status_code == 405
    assert front.behind.predictions() == []


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(front: Front) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {front.key}\r\nContent-Length: 4000001\r\n\r\n"
    begun = time.monotonic()
    answer = front.raw(head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"larger than 4000000 bytes" in answer
    assert time.monotonic() - begun < 8, "it waited for the body"


def test_a_chunked_body_that_grows_too_large_is_refused(front: Front) -> None:
    with front.client() as client:
        refused = client.post(PREDICT, content=(bytes(500_000) for _ in range(9)))
    assert refused.status_code == 413
    assert refused.json()["type"] == "PayloadTooLargeException"
    assert front.behind.predictions() == []


def test_pipelined_requests_are_answered_in_their_order(front: Front) -> None:
    pictures = [b"slow" + bytes(300), b"fast", b"slow again", b"fast again"]
    requests = b"".join(
        f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {front.key}\r\n"
        f"Content-Length: {len(picture)}\r\n\r\n".encode()
        + picture
        for picture in pictures
    )
    answers = front.raw(requests)
    places = [answers.find(label(picture).encode()) for picture in pictures]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("words", ["HTTP/1.1\r\nConnection: close", "HTTP/1.0"])
def test_a_connection_that_is_to_be_closed_is_closed(front: Front, words: str) -> None:
    head = f"POST {PREDICT} {words}\r\nHost: a\r\nAuthorization: Bearer {front.key}\r\nContent-Length: 7\r\n\r\npicture"
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as connection:
        connection.sendall(head.encode())
        received = b""
        while more := connection.recv(65536):  # ends with the connection, or the test fails by its timeout
            received += more
    assert b" 200 " in received.split(b"\r\n")[0]
    assert label(b"picture").encode() in received


def test_headers_that_are_too_large_get_an_answer(front: Front) -> None:
    with front.client() as client:
        refused = client.post(PREDICT, content=PICTURE, headers={"X-Long": "x" * 40_000})
    assert refused.status_code == 431
    assert refused.json()["message"] == "The headers are too large."


def test_no_worker_waits_for_a_slow_client(start: Start) -> None:
    front = start(in_flight={MODEL: 1})
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {front.key}\r\nContent-Length: 1000\r\n\r\n"
    slow = [socket.create_connection(("127.0.0.1", front.port)) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(head.encode() + bytes(10))
        with front.client() as client:
            assert [client.post(PREDICT, content=PICTURE).status_code for _ in range(5)] == [200] * 5
        assert len(front.behind.predictions()) == 5
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_http_0_9_is_hung_up_on(front: Front, method: str) -> None:
    assert front.raw(f"{method} /health\r\n\r\n".encode()) == b""


@pytest.mark.parametrize("name", ["shelf", "default", "include", "volatile", "hostnames", "tea", "new.shelf-2"])
def test_each_model_has_a_queue_of_its_own_whatever_it_is_called(start: Start, name: str) -> None:
    front = start(in_flight={MODEL: 1, name: 1})
    behind = front.behind
    with ThreadPoolExecutor(2) as pool, front.client() as client:
        wait_for(lambda: client.get("/health").status_code == 200)
        behind.mood.hold.clear()
        try:
            first = pool.submit(client.post, PREDICT, content=b"one")
            wait_for(lambda: len(behind.predictions()) == 1)
            assert client.post(PREDICT, content=b"another").status_code == 503
            other = pool.submit(client.post, f"/predictions/{name}", content=b"two")
            wait_for(lambda: len(behind.predictions()) == 2)
        finally:
            behind.mood.hold.set()
        # That TorchServe has no such model is its own word: it was asked.
        assert (first.result().status_code, other.result().status_code) == (200, 404)
