"""A TorchServe that is full, broken, gone or new: clients hear to come again, and none gets what it did wrongly."""

from __future__ import annotations

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from kit.gateway import nginx
from tests.gateway.conftest import PREDICT, Front, Start
from tests.gateway.fake_torchserve import MODEL, FakeTorchServe, label
from tests.integration.places import wait_for


def comes_again(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("status", [400, 401, 500, 503, 504, 507])
@pytest.mark.parametrize("way", ["plain", "form"])
def test_what_torchserve_could_not_do_is_no_fault_of_the_client(front: Front, status: int, way: str) -> None:
    front.behind.mood.broken = status
    try:
        with front.client() as client:
            if way == "plain":
                answer = client.post(PREDICT, content=b"picture")
            else:
                answer = client.post(PREDICT, files={"image": b"picture"})
            assert comes_again(answer)
            died = status in (500, 507)
            assert answer.json()["type"] == ("InternalServerException" if died else "ServiceUnavailableException")
            assert ("A worker ended with this picture in hand" in answer.text) == died
            assert "stack trace" not in answer.text
            front.behind.mood.broken = 0
            assert client.post(PREDICT, content=b"picture").status_code == 200
    finally:
        front.behind.mood.broken = 0


@pytest.mark.parametrize("way", ["plain", "form"])
def test_the_handler_s_own_words_reach_the_client(front: Front, way: str) -> None:
    with front.client() as client:
        if way == "plain":
            answer = client.post(PREDICT, content=b"bad picture")
        else:
            answer = client.post(PREDICT, files={"image": b"bad picture"})
    assert answer.status_code == 415
    assert answer.json() == {
        "code": 415,
        "type": "UnsupportedMediaTypeException",
        "message": "This is not a picture.",
    }


def test_an_error_does_not_close_the_connection(front: Front) -> None:
    with front.client() as client:
        ids = set()
        for content in (b"bad", b"good", b"bad", b"good"):
            answer = client.post(PREDICT, content=content)
            ids.add(id(answer.extensions["network_stream"]))
            assert "close" not in answer.headers.get("Connection", "")
    assert len(ids) == 1


def test_an_unknown_model_is_not_found(front: Front) -> None:
    with front.client() as client:
        assert client.post("/predictions/vegetable", content=b"picture").status_code == 404


def test_an_unknown_address_says_so_in_json(front: Front) -> None:
    with front.client() as client:
        answer = client.get("/nothing")
    assert answer.status_code == 404
    assert answer.json()["code"] == 404
    assert "openapi.json" in answer.json()["message"]


def test_whoever_comes_when_all_is_full_hears_it_at_once_and_the_others_are_answered(start: Start) -> None:
    front = start(in_flight={MODEL: 3})
    front.behind.mood.hold.clear()
    with ThreadPoolExecutor(10) as pool, front.client() as client:
        waiting = [pool.submit(client.post, PREDICT, content=f"picture {i}".encode()) for i in range(3)]
        wait_for(lambda: len(front.behind.predictions()) == 3)
        refused = [client.post(PREDICT, content=b"one more") for _ in range(20)]
        assert [answer.status_code for answer in refused] == [503] * 20
        assert all(comes_again(answer) for answer in refused)
        assert len(front.behind.predictions()) == 3
        front.behind.mood.hold.set()
        assert [one.result().status_code for one in waiting] == [200] * 3
        assert client.post(PREDICT, content=b"one more").status_code == 200


def test_an_address_with_too_many_requests_under_way_is_told_so(start: Start) -> None:
    def few(folder: Path) -> None:
        file = folder / "locations.conf"
        assert "limit_conn addresses 256;" in file.read_text()
        file.write_text(file.read_text().replace("limit_conn addresses 256;", "limit_conn addresses 2;"))

    front = start(edit=few)
    front.behind.mood.hold.clear()
    with ThreadPoolExecutor(2) as pool, front.client() as client:
        waiting = [pool.submit(client.post, PREDICT, content=f"picture {i}".encode()) for i in range(2)]
        wait_for(lambda: len(front.behind.predictions()) == 2)
        refused = client.post(PREDICT, content=b"one more")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        front.behind.mood.hold.set()
        assert [one.result().status_code for one in waiting] == [200] * 2


def test_a_torchserve_that_is_gone_and_one_that_comes_back(start: Start) -> None:
    front = start()
    with front.client() as client:
        assert client.post(PREDICT, content=b"picture").status_code == 200
        port = front.behind.port
        front.behind.close()
        wait_for(lambda: comes_again(client.post(PREDICT, content=b"picture")))
        wait_for(lambda: client.get("/health").status_code == 503)
        again = FakeTorchServe(port)
        try:
            assert client.post(PREDICT, content=b"picture").json()[label(b"picture")] == 0.75
            wait_for(lambda: client.get("/health").status_code == 200)
        finally:
            again.close()


def test_health_is_of_every_worker_and_of_a_right_answer(start: Start) -> None:
    front = start()
    mood = front.behind.mood
    with front.client(key="") as client:
        wait_for(lambda: client.get("/health").status_code == 200)
        assert client.get("/health").json() == {
            "status": "ready",
            "model": MODEL,
            "version": "2.0",
            "models": [{"name": MODEL, "version": "2.0", "ready": True}],
        }
        assert client.get("/ping").json() == {"status": "Healthy"}
        mood.states[1] = "LOADING"
        wait_for(lambda: client.get("/health").status_code == 503)
        assert client.get("/health").json()["why"] == "1 of 2 workers are ready"
        assert client.get("/v2/health/ready").status_code == 503
        assert client.get("/ping").json() == {"status": "Unhealthy"}
        assert client.get("/v2/health/live").status_code == 200
        mood.wrong, mood.states[1] = True, "READY"
        wait_for(lambda: "wrong answer" in client.get("/health").json().get("why", ""))
        mood.wrong = False
        wait_for(lambda: client.get("/health").status_code == 200)


def test_a_reload_hangs_up_on_nobody_who_is_asking(start: Start) -> None:
    """Connections that are kept, used as soon as they have an answer, through twenty reloads."""
    front, ending, failed, asked = start(), threading.Event(), [], []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
        while not ending.is_set():
            try:
                connection.request("GET", "/health")
                connection.getresponse().read()
                asked.append(1)
            except (OSError, http.client.HTTPException) as error:
                failed.append(repr(error))
                connection.close()
        connection.close()

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    for _ in range(20):
        nginx.reload(front.folder, front.process)
        time.sleep(0.2)
    ending.set()
    for client in clients:
        client.join()
    assert failed == []
    assert len(asked) > 200
