"""Who may ask, and how often."""

from __future__ import annotations

import time

import pytest

from common.gateway import keys
from common.gateway.keys import Rate
from tests.gateway.conftest import PREDICT, Front
from tests.gateway.fake_torchserve import MODEL, label
from tests.integration.places import wait_for

CLOSED = ["/metrics", "/v1/models", "/v1/models/fruit", "/v2/models/fruit"]


@pytest.mark.parametrize("path", CLOSED)
def test_what_is_for_clients_wants_a_key(front: Front, path: str) -> None:
    with front.client(key="") as client:
        refused = client.get(path)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", [PREDICT, "/v1/models/fruit:predict", "/v2/models/fruit/infer"])
def test_no_picture_gets_past_without_a_key(front: Front, path: str) -> None:
    with front.client(key="") as client:
        assert client.post(path, content=b"picture").status_code == 401
        assert client.post(path, files={"image": b"picture"}).status_code == 401
    assert front.behind.predictions() == []


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Basic dGlsbDp0aWxs",
        "Bearer vs_wrong",
        "Bearer ../last-used",
        "Bearer " + "a" * 5000,
        "Bearer inference-token",
        "till-1",
    ],
)
def test_a_wrong_key_is_refused(front: Front, header: str) -> None:
    with front.client(key="") as client:
        refused = client.post(PREDICT, content=b"picture", headers={"Authorization": header})
    assert refused.status_code == 401
    assert refused.json()["type"] == "UnauthorizedException"
    assert front.behind.predictions() == []


def test_the_clients_key_stays_here_and_torchserve_gets_its_own(front: Front) -> None:
    with front.client() as client:
        assert client.post(PREDICT, content=b"picture").status_code == 200
    assert front.behind.predictions()[0].headers["authorization"] == "Bearer inference-token"


def test_a_new_token_of_torchserve_counts_within_a_second(front: Front) -> None:
    tokens = front.folder.parent / "key_file.json"
    before = tokens.read_text()
    try:
        tokens.write_text(before.replace("inference-token", "another-token"))
        time.sleep(1)
        with front.client() as client:
            assert client.post(PREDICT, content=b"picture").status_code == 200
        assert front.behind.predictions()[0].headers["authorization"] == "Bearer another-token"
    finally:
        tokens.write_text(before)
        time.sleep(1)


def test_a_key_counts_from_the_next_request_and_is_revoked_without_a_dropped_connection(front: Front) -> None:
    key = keys.add(front.keys, "till-7", None)
    with front.client(key) as client:
        assert client.post(PREDICT, content=b"picture").status_code == 200
        keys.revoke(front.keys, "till-7")
        time.sleep(1)
        refused = client.post(PREDICT, content=b"picture")
        assert refused.status_code == 401
        assert "revoked" in refused.json()["message"]
    with front.client() as client:
        assert client.post(PREDICT, content=b"picture").json()[label(b"picture")] == 0.75


def test_a_key_that_asks_too_often_is_told_when_to_come_again(front: Front) -> None:
    key = keys.add(front.keys, "eager", Rate(3, 3600))
    with front.client(key) as client:
        answers = [client.post(PREDICT, content=b"picture") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
        assert answers[-1].json() == {
            "code": 429,
            "type": "TooManyRequestsException",
            "message": "This key may ask 3 times in 3600 s.",
        }
    with front.client() as client:
        assert client.post(PREDICT, content=b"picture").status_code == 200
    keys.revoke(front.keys, "eager")


def test_a_rate_by_the_second_is_over_in_a_second(front: Front) -> None:
    key = keys.add(front.keys, "brief", Rate(1, 1))
    with front.client(key) as client:
        wait_for(lambda: client.post(PREDICT, content=b"picture").status_code == 429)
        wait_for(lambda: client.post(PREDICT, content=b"picture").status_code == 200, seconds=3)
    keys.revoke(front.keys, "brief")


def test_a_damaged_key_file_lets_nobody_in(front: Front) -> None:
    key = keys.add(front.keys, "damaged", None)
    file = next(one.file for one in keys.read(front.keys) if one.name == "damaged")
    file.write_text("{")
    with front.client(key) as client:
        assert client.post(PREDICT, content=b"picture").status_code == 401
    file.unlink()


def test_a_key_for_some_models_is_good_for_no_other(front: Front) -> None:
    key = keys.add(front.keys, "narrow", None, [MODEL])
    other = keys.add(front.keys, "other", None, ["shelf", "produce"])
    with front.client(key) as client:
        assert client.post(PREDICT, content=b"picture").status_code == 200
        assert client.get("/v1/models").status_code == 200
        assert client.get("/metrics").status_code == 403
    with front.client(other) as client:
        before = len(front.behind.asked)
        refused = client.post(PREDICT, content=b"picture")
        assert (refused.status_code, refused.json()["type"]) == (403, "ForbiddenException")
        assert refused.json()["message"] == f"This key is not for {MODEL}; it is for shelf, produce."
        for path, body in (
            (f"/v1/models/{MODEL}:predict", {"instances": [{"b64": "eA=="}]}),
            (f"/v2/models/{MODEL}/infer", {}),
            (f"/v2/models/{MODEL}/versions/2.0/infer", {}),
            (f"{PREDICT}/2.0", {}),
        ):
            assert client.post(path, json=body).status_code == 403, path
        form = client.post(PREDICT, files={"data": b"picture"})
        assert form.status_code == 403
        assert [
            one for one in front.behind.asked[before:] if "/predictions/" in one.path and not one.headers.get("x-probe")
        ] == []
    for name in ("narrow", "other"):
        keys.revoke(front.keys, name)
