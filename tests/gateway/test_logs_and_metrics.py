"""What the gateway writes down, and counts."""

from __future__ import annotations

import json
from pathlib import Path

from common.gateway import keys
from kit.client.exposition import parse
from tests.gateway.conftest import PREDICT, Front, Start
from tests.integration.places import wait_for

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def lines(front: Front) -> list[dict[str, object]]:
    return [json.loads(line) for line in (front.folder / "logs" / "access.log").read_text().splitlines()]


def test_the_access_log_says_who_asked_what_and_holds_no_key_picture_or_address(start: Start) -> None:
    front = start()
    with front.client() as client:
        answer = client.post(f'{PREDICT}?topk=1&secret="x', content=b"a picture", headers={"traceparent": TRACE})
        client.post(PREDICT, content=b"another", headers={"Authorization": "Bearer vs_wrong"})
    wait_for(lambda: len(lines(front)) == 2)
    good, refused = lines(front)
    assert (good["client"], good["status"], good["method"], good["path"]) == ("till-1", 200, "POST", PREDICT)
    assert good["request_id"] == answer.headers["X-Request-Id"]
    assert good["traceparent"] == TRACE
    assert good["network"] == "127.0.0.0"
    assert (refused["client"], refused["status"]) == ("", 401)
    text = (front.folder / "logs" / "access.log").read_text()
    for secret in (front.key, "vs_wrong", "secret", "127.0.0.1", "inference-token", "picture"):
        assert secret not in text


def test_a_log_that_is_too_large_is_rotated(start: Start) -> None:
    def often(folder: Path) -> None:
        for name, old, new in (
            ("locations.conf", "interval=60s", "interval=100ms"),
            ("settings.json", str(5 << 20), "4096"),
        ):
            text = (folder / name).read_text()
            assert old in text
            (folder / name).write_text(text.replace(old, new))

    front = start(edit=often)
    log, old = front.folder / "logs" / "access.log", front.folder / "logs" / "access.log.1"
    with front.client() as client:
        for _ in range(40):
            client.post(PREDICT, content=b"a picture")
        wait_for(lambda: old.exists() and log.stat().st_size < 4096)
        for _ in range(3):
            client.post(PREDICT, content=b"a picture")
    wait_for(lambda: log.stat().st_size > 0)
    assert len([json.loads(line) for line in log.read_text().splitlines()]) >= 1
    assert len([json.loads(line) for line in old.read_text().splitlines()]) >= 5


def test_when_a_key_was_last_used_is_kept(start: Start) -> None:
    def often(folder: Path) -> None:
        file = folder / "locations.conf"
        file.write_text(file.read_text().replace("interval=60s", "interval=100ms"))

    front = start(edit=often)
    with keys.passing(front.keys) as passing, front.client(passing) as own:
        assert own.post(PREDICT, content=b"a picture").status_code == 200
    with front.client() as client:
        client.post(PREDICT, content=b"a picture")
    used = front.keys / "last-used.json"
    wait_for(lambda: used.exists() and list(json.loads(used.read_text())) == ["till-1"])


def test_metrics_are_prometheus_s_and_count_what_came(start: Start) -> None:
    front = start()
    with front.client() as client:
        for _ in range(3):
            client.post(PREDICT, content=b"a picture")
        client.post(PREDICT, content=b"bad picture")
        client.post(PREDICT, files={"image": b"a picture"})
        client.get('/v1/models/x"y')
        samples = {(one.name, *sorted(one.labels.items())): one.value for one in parse(client.get("/metrics").text)}
    assert samples["gateway_requests_total", ("code", "200"), ("path", "predictions")] == 4
    assert samples["gateway_requests_total", ("code", "415"), ("path", "predictions")] == 1
    assert samples["gateway_request_seconds_count", ("path", "predictions")] == 5
    assert samples["gateway_request_seconds_bucket", ("le", "+Inf"), ("path", "predictions")] == 5
    assert samples["gateway_staged_total",] == 5
    assert samples["gateway_stage_seconds_total", ("stage", "network")] == 5 * 0.012
    assert samples["ts_inference_requests_total",] == 7
