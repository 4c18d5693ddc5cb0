"""What the gateway writes down, and counts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
from pytest import MonkeyPatch

from common.gateway import keys
from common.gateway.nginx_conf import COUNTS
from common.watch import endpoint, exposition, series, snapshot
from kit.client.exposition import parse
from tests.gateway.conftest import PREDICT, WATCHER, Front, Start
from tests.gateway.fake_torchserve import GOLDEN, MODEL
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


def told(client: httpx.Client) -> dict[tuple[Any, ...], float]:
    return {(one.name, *sorted(one.labels.items())): one.value for one in parse(client.get("/metrics").text)}


def test_metrics_are_prometheus_s_and_count_what_came(start: Start) -> None:
    front = start()
    with front.client() as client:
        for _ in range(3):
            client.post(PREDICT, content=b"a picture")
        client.post(PREDICT, content=b"bad picture")
        client.post(PREDICT, files={"image": b"a picture"})
        client.get('/v1/models/x"y')
        client.post("/predictions/made-up", content=b"a picture")
        wait_for(lambda: told(client)["gateway_ready",] == 1)
        samples = told(client)
    who = ("model", MODEL), ("path", "predictions")

    def counted(name: str, *labels: tuple[str, str]) -> float:
        return samples[(f"gateway_{name}", *labels, *who)]

    assert counted("requests_total", ("code", "200")) == 4
    assert counted("requests_total", ("code", "415")) == 1
    assert counted("request_seconds_count") == 5
    assert counted("request_seconds_bucket", ("le", "+Inf")) == 5
    models = {value for _, *labels in samples for label, value in labels if label == "model"}
    assert models == {MODEL, ""}, "no client makes one up"
    assert samples["gateway_received_bytes_total",] > 4 * len(b"a picture")
    assert samples["gateway_sent_bytes_total",] > 0
    assert "gateway_certificate_end_seconds" not in {name for name, *_ in samples}, "it has none"


def test_what_watches_the_server_is_told_behind_the_gateway_s_own(start: Start, monkeypatch: MonkeyPatch) -> None:
    front = start()
    many = [("", {"label": f"class {number}"}, number) for number in range(3000)]
    families = exposition.Families()
    families.add("vision_answers_total", "counter", "Pictures by their first answer.", many)
    with front.client() as client:
        assert not any(name.startswith("vision_") for name, *_ in told(client)), "nobody watches yet"
        monkeypatch.chdir(front.folder.parent)  # the path is longer than a socket's can be
        close = endpoint.listen(Path(WATCHER), {endpoint.METRICS: families.text})
        try:
            samples = told(client)
        finally:
            close()
        assert samples["vision_answers_total", ("label", "class 2999")] == 2999
        assert "gateway_ready" in {name for name, *_ in samples}


def test_who_records_finds_only_what_asked_for_predictions(start: Start) -> None:
    def often(folder: Path) -> None:
        file = folder / "locations.conf"
        file.write_text(file.read_text().replace("metrics.keep interval=5s", "metrics.keep interval=100ms"))

    front = start(edit=often)
    with front.client() as client:
        for _ in range(3):
            client.post(PREDICT, content=b"a picture")
        client.post(PREDICT, content=b"bad picture")
        for path in ("/metrics", "/.env", "/wp-login.php"):
            client.get(path)
    counted = snapshot.Snapshot(0, [], {})

    def codes() -> object:
        nonlocal counted
        counted = snapshot.take(front.folder, front.folder / COUNTS)
        return counted.gateway.get("codes")

    wait_for(lambda: codes() == {"200": 3, "415": 1})
    recorded = series.Tally(0).since_last(counted)
    assert (recorded["gateway=200"], recorded["gateway=415"]) == (3, 1)
    assert sum(count for name, count in recorded.items() if name.startswith("gateway_seconds<")) == 4
    assert set(counted.gateway) == {
        *("since", "ready", "codes", "seconds", "certificate_ends", "kilobytes_in", "kilobytes_out")
    }


def test_torchserve_hears_when_a_request_was_passed_on_and_who_only_watches(start: Start) -> None:
    front = start()
    with front.client() as client:
        client.post(PREDICT, content=b"a picture", headers={"X-Request-Start": "t=1", "X-Probe": "1"})
    (asked,) = front.behind.predictions()
    assert abs(time.time() - float(asked.headers["x-request-start"].removeprefix("t="))) < 5
    assert "x-probe" not in asked.headers
    wait_for(lambda: any(one.body == GOLDEN for one in front.behind.asked))
    assert all(one.headers["x-probe"] == "1" for one in front.behind.asked if one.body == GOLDEN)
