"""Each check passes with a server as it should be, and fails with one that has exactly that fault."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from kit.smoke.outcome import Outcome, Result
from kit.smoke.run import CHECKS, measure, run
from kit.smoke.session import Session
from tests.kit.smoke.fake_torchserve import Break, FakeTorchServe, Version, error

NEED_MORE = {"metrics", "gRPC ping", "gRPC predict"}


def outcomes(results: list[Result]) -> dict[str, Outcome]:
    return {result.name: result.outcome for result in results}


def only(method: str, part: str, response: Callable[[], httpx.Response]) -> Break:
    return lambda request: response() if request.method == method and part in request.url.path else None


def bad_pictures_get(response: Callable[[], httpx.Response], golden: FakeTorchServe) -> Break:
    whole = [picture.picture.read_bytes() for picture in golden.golden]
    return lambda request: response() if "/predictions/" in request.url.path and request.content not in whole else None


def test_all_pass_with_a_good_server(session: Session) -> None:
    told: list[Result] = []
    report = run(session, told.append)
    assert told == report.results
    found = outcomes(told)
    assert {name for name, outcome in found.items() if outcome is not Outcome.PASSED} == NEED_MORE
    assert not report.failed
    assert list(found) == [*CHECKS, "left as found"]


@pytest.mark.parametrize(
    ("name", "method", "part", "response", "words"),
    [
        ("health", "GET", "/ping", lambda: httpx.Response(200, json={"status": "Unhealthy"}), "Unhealthy"),
        ("health", "GET", "/ping", lambda: httpx.Response(200, text="<html>"), "JSONDecodeError"),
        ("list", "GET", "/models", lambda: httpx.Response(200, json={"models": []}), "no model 'net'"),
        ("list", "GET", "/models", lambda: httpx.Response(200, json=[]), "TypeError"),
        ("describe", "GET", "/models", lambda: error(404, "Model not found: net"), "Model not found: net"),
        ("predict raw", "PUT", "/predictions", lambda: httpx.Response(200, json={"Plum": 0.9}), "expected Lime"),
        ("predict raw", "PUT", "/predictions", lambda: httpx.Response(200, json={"Lime": 0.5}), "0.900 ± 0.05"),
        ("predict raw", "PUT", "/predictions", lambda: error(503, "Prediction failed"), "503, Prediction failed"),
        ("predict multipart", "POST", "/predictions", lambda: error(400, "no body"), "no body"),
        ("predict base64", "POST", "/predictions", lambda: error(400, "no body"), "no body"),
        ("predict concurrent", "PUT", "/predictions", lambda: httpx.Response(200, json={"Lime": 0.9}), "Banana"),
    ],
)
def test_a_wrong_answer_fails_its_check(
    session: Session,
    fake: FakeTorchServe,
    name: str,
    method: str,
    part: str,
    response: Callable[[], httpx.Response],
    words: str,
) -> None:
    fake.breaks.append(only(method, part, response))
    result = measure(name, CHECKS[name], session)
    assert result.outcome is Outcome.FAILED
    assert words in result.detail


@pytest.mark.parametrize("state", ["UNLOADING", ""])
def test_describe_fails_unless_every_worker_is_ready(session: Session, fake: FakeTorchServe, state: str) -> None:
    row = Version(1, 1, 1).row("1.0", 1)
    row["workers"] = [{"status": state}] if state else []
    fake.breaks.append(only("GET", "/models/net", lambda: httpx.Response(200, json=[row])))
    result = measure("describe", CHECKS["describe"], session)
    assert result.outcome is Outcome.FAILED
    assert state in result.detail if state else "no worker" in result.detail


@pytest.mark.parametrize("name", ["bad input: empty", "bad input: text", "bad input: truncated", "bad input: huge"])
@pytest.mark.parametrize(
    ("response", "words"),
    [
        (lambda: error(503, "Prediction failed"), "expected 4xx, got HTTP 503"),
        (lambda: httpx.Response(200, json={"Lime": 0.9}), "expected 4xx, got HTTP 200"),
        (lambda: httpx.Response(400, text="Bad Request"), "expected a JSON document with a message"),
        (lambda: error(400, " "), "expected a JSON document with a message"),
    ],
)
def test_a_bad_input_wants_a_4xx_with_a_sentence(
    session: Session, fake: FakeTorchServe, name: str, response: Callable[[], httpx.Response], words: str
) -> None:
    fake.breaks.append(bad_pictures_get(response, fake))
    result = measure(name, CHECKS[name], session)
    assert result.outcome is Outcome.FAILED
    assert words in result.detail


def test_a_bad_input_that_takes_the_server_down_fails(session: Session, fake: FakeTorchServe) -> None:
    def die(request: httpx.Request) -> httpx.Response | None:
        if request.headers.get("Connection") != "close":
            return None
        fake.breaks.append(only("PUT", "/predictions", lambda: error(500, "Worker died.")))
        return error(415, "This is not a picture.")

    fake.breaks.append(die)
    result = measure("bad input: text", CHECKS["bad input: text"], session)
    assert (result.outcome, "Worker died." in result.detail) == (Outcome.FAILED, True)


@pytest.mark.parametrize("name", ["wrong inference token", "wrong management token"])
def test_a_wrong_token_that_is_accepted(session: Session, fake: FakeTorchServe, name: str) -> None:
    fake.tokens = False
    assert measure(name, CHECKS[name], session).outcome is Outcome.FAILED
    session.target = replace(session.target, headers={}, management_headers={})
    warned = measure(name, CHECKS[name], session)
    assert (warned.outcome, "tokens are off" in warned.detail) == (Outcome.WARNED, True)


def test_a_full_queue_is_asked_again(session: Session, fake: FakeTorchServe) -> None:
    refusals = iter(range(20))
    fake.breaks.append(lambda request: error(503, "queue is full") if next(refusals, None) is not None else None)
    result = measure("predict concurrent", CHECKS["predict concurrent"], session)
    assert result.outcome is Outcome.PASSED
    assert "20 tries met a full queue" in result.detail


def test_a_queue_that_stays_full_fails(session: Session, fake: FakeTorchServe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.smoke.predictions.RETRY_SECONDS", 0.2)
    fake.breaks.append(only("PUT", "/predictions", lambda: error(503, "queue is full")))
    result = measure("predict concurrent", CHECKS["predict concurrent"], session)
    assert (result.outcome, "queue is full" in result.detail) == (Outcome.FAILED, True)


STOCK_METRICS = '# TYPE ts_inference_requests_total counter\nts_inference_requests_total{model_name="net",} COUNT\n'
METRICS = '# TYPE vision_requests_total counter\nvision_requests_total{model="net",version="1",code="200"} COUNT\n'


@pytest.mark.parametrize(
    ("text", "outcome", "words"),
    [
        (STOCK_METRICS, Outcome.PASSED, "ts_inference_requests_total counts"),
        (METRICS, Outcome.PASSED, "vision_requests_total counts"),
        (METRICS + STOCK_METRICS.replace("COUNT", "3"), Outcome.PASSED, "2 samples; vision_requests_total counts"),
        ("", Outcome.FAILED, "metrics_mode=prometheus"),
        ('{"metrics": []}\n', Outcome.FAILED, "not Prometheus's text format: line 1"),
        (METRICS.replace("net", "other"), Outcome.FAILED, "counts requests for net"),
        (METRICS.replace("COUNT", "3"), Outcome.FAILED, "does not count a request for net right after one"),
    ],
)
def test_metrics(with_metrics: Callable[[str], Session], text: str, outcome: Outcome, words: str) -> None:
    result = measure("metrics", CHECKS["metrics"], with_metrics(text))
    assert result.outcome is outcome
    assert words in result.detail


def test_a_server_that_does_not_scale_fails(
    session: Session, fake: FakeTorchServe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.smoke.outcome.SETTLE_SECONDS", 0.0)
    fake.breaks.append(only("PUT", "/models/net/1.0", lambda: httpx.Response(200, json={"status": "scaled"})))
    found = outcomes(run(session, lambda result: None).results)
    assert found["scale up"] is Outcome.FAILED
    assert found["scale down"] is Outcome.NOT_CHECKED


def test_a_worker_that_is_described_as_ready_only_a_moment_later_passes(session: Session, fake: FakeTorchServe) -> None:
    """TorchServe answers a synchronous scaling just before it notes the new worker's state."""
    late: list[httpx.Response] = []

    def still_unloading(request: httpx.Request) -> httpx.Response | None:
        if (
            request.method != "GET"
            or request.url.path != "/models/net/1.0"
            or fake.versions["1.0"].workers == 2
            or late
        ):
            return None
        row = fake.versions["1.0"].row("1.0", fake.pid)
        row["workers"][-1]["status"] = "UNLOADING"
        late.append(httpx.Response(200, json=[row]))
        return late[0]

    fake.breaks.append(still_unloading)
    found = outcomes(run(session, lambda result: None).results)
    assert late
    assert found["scale up"] is Outcome.PASSED


def test_a_default_that_does_not_switch_fails(session: Session, fake: FakeTorchServe) -> None:
    fake.breaks.append(only("PUT", "/set-default", lambda: httpx.Response(200, json={"status": "done"})))
    found = outcomes(run(session, lambda result: None).results)
    assert found["switch default"] is Outcome.FAILED
    assert found["left as found"] is Outcome.PASSED


IDLE = "print('ready', flush=True); input()"


def test_a_new_default_whose_worker_does_nothing_fails(session: Session, fake: FakeTorchServe) -> None:
    with subprocess.Popen([sys.executable, "-c", IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as idle:
        assert idle.stdout
        idle.stdout.readline()
        fake.pid = idle.pid
        result = {result.name: result for result in run(session, lambda result: None).results}["switch default"]
        idle.communicate(b"\n")
    assert (result.outcome, "another one answered" in result.detail) == (Outcome.FAILED, True)


def test_a_version_that_stays_after_unregistering_fails(
    session: Session, fake: FakeTorchServe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.smoke.outcome.SETTLE_SECONDS", 0.0)
    fake.breaks.append(only("DELETE", "/models/net", lambda: httpx.Response(200, json={"status": "done"})))
    found = {result.name: result for result in run(session, lambda result: None).results}
    assert found["unregister"].outcome is found["left as found"].outcome is Outcome.FAILED
    assert "version 1.0-smoke was not there" in found["left as found"].detail


def test_without_the_model_api_nothing_is_registered(session: Session, fake: FakeTorchServe) -> None:
    fake.model_api = False
    report = run(session, lambda result: None)
    found = outcomes(report.results)
    assert found["register"] is Outcome.NOT_ALLOWED
    assert {found[name] for name in ("switch default", "switch back", "unregister")} == {Outcome.NOT_CHECKED}
    assert not report.failed


def test_a_version_left_by_a_killed_run_is_named_and_kept(session: Session, fake: FakeTorchServe) -> None:
    fake.versions["1.0-smoke"] = Version(1, 1, 1)
    found = {result.name: result for result in run(session, lambda result: None).results}
    assert (found["register"].outcome, "DELETE /models/net/1.0-smoke" in found["register"].detail) == (
        Outcome.FAILED,
        True,
    )
    assert fake.versions["1.0-smoke"] == Version(1, 1, 1)
    assert found["left as found"].outcome is Outcome.PASSED


def test_without_a_management_address_only_inference_is_checked(session: Session, fake: FakeTorchServe) -> None:
    session.management_api = None
    asked: list[str] = []
    fake.breaks.append(lambda request: asked.append(request.url.path))
    report = run(session, lambda result: None)
    assert not report.failed
    assert not any(path.startswith("/models") for path in asked)
    details = {result.name: result.detail for result in report.results}
    assert details["scale up"] == details["left as found"] == "MANAGEMENT_URL not given"
