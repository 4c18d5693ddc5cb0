"""The gRPC checks and client, with a small real gRPC server that speaks the same .proto file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc
import pytest

from kit.client.grpc_api import MESSAGE_BYTES, connect, protocol
from kit.golden import Golden
from kit.smoke.outcome import Outcome
from kit.smoke.run import CHECKS, measure
from kit.smoke.session import Session
from tests.kit.smoke.fake_torchserve import TOKEN


class Servicer:
    """Answers golden[0] with its expected answer unless a test says otherwise."""

    def __init__(self, golden: Golden) -> None:
        self.messages, _ = protocol()
        self.health = "Healthy"
        self.picture = golden.picture.read_bytes()
        self.answer: dict[str, float] = dict(golden.expected)

    def _check_token(self, context: Any) -> None:
        if ("authorization", TOKEN["Authorization"]) not in [tuple(pair) for pair in context.invocation_metadata()]:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "Token Authorization failed.")

    def Ping(self, request: Any, context: Any) -> Any:
        self._check_token(context)
        return self.messages.TorchServeHealthResponse(health=json.dumps({"status": self.health}))

    def Predictions(self, request: Any, context: Any) -> Any:
        self._check_token(context)
        if request.model_name != "net" or request.input["data"] != self.picture:
            context.abort(grpc.StatusCode.INTERNAL, "Prediction failed")
        return self.messages.PredictionResponse(prediction=json.dumps(self.answer).encode())


@pytest.fixture
def servicer(session: Session) -> Iterator[Servicer]:
    """A running server; the session knows its address."""
    made = Servicer(session.golden)
    _, services = protocol()
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", MESSAGE_BYTES)])
    services.add_InferenceAPIsServiceServicer_to_server(made, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    session.target = replace(session.target, grpc=f"127.0.0.1:{port}")
    yield made
    server.stop(None).wait()


def check(name: str, session: Session) -> tuple[Outcome, str]:
    result = measure(name, CHECKS[name], session)
    return result.outcome, result.detail


def test_good(session: Session, servicer: Servicer) -> None:
    assert check("gRPC ping", session) == (Outcome.PASSED, "Healthy")
    assert check("gRPC predict", session) == (Outcome.PASSED, "Lime")


def test_unhealthy(session: Session, servicer: Servicer) -> None:
    servicer.health = "Unhealthy"
    assert check("gRPC ping", session) == (Outcome.FAILED, "Ping says 'Unhealthy', not 'Healthy'")


def test_wrong_answer(session: Session, servicer: Servicer) -> None:
    servicer.answer = {"Plum": 0.9}
    outcome, detail = check("gRPC predict", session)
    assert (outcome, "expected Lime first, got Plum" in detail) == (Outcome.FAILED, True)


@pytest.mark.parametrize("name", ["gRPC ping", "gRPC predict"])
def test_refused(session: Session, servicer: Servicer, name: str) -> None:
    session.target = replace(session.target, headers={})
    outcome, detail = check(name, session)
    assert (outcome, "gRPC PERMISSION_DENIED, Token Authorization failed." in detail) == (Outcome.FAILED, True)


@pytest.mark.parametrize("name", ["gRPC ping", "gRPC predict"])
def test_nobody_there(session: Session, name: str) -> None:
    session.target = replace(session.target, grpc="127.0.0.1:1")
    outcome, detail = check(name, session)
    assert (outcome, "UNAVAILABLE" in detail) == (Outcome.FAILED, True)


@pytest.mark.parametrize("name", ["gRPC ping", "gRPC predict"])
def test_no_address(session: Session, name: str) -> None:
    assert check(name, session) == (Outcome.NOT_CHECKED, "GRPC not given")


def test_a_picture_above_grpcs_own_limit(session: Session, servicer: Servicer) -> None:
    servicer.picture = b"x" * (5 << 20)
    with connect(session.target.grpc, TOKEN) as client:
        assert client.predict("net", servicer.picture) == {"Lime": 0.9, "Other": 0.1}
