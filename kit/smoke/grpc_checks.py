"""The same server over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kit.client.grpc_api import GrpcInference, connect
from kit.smoke.outcome import NotChecked, require
from kit.smoke.session import Session


@contextmanager
def _connected(session: Session) -> Iterator[GrpcInference]:
    if not session.target.grpc:
        raise NotChecked("GRPC not given")
    with connect(session.target.grpc, session.target.headers) as client:
        yield client


def ping(session: Session) -> str:
    with _connected(session) as client:
        status = client.ping()
    require(status == "Healthy", f"Ping says {status!r}, not 'Healthy'")
    return status


def predict(session: Session) -> str:
    golden = session.golden
    with _connected(session) as client:
        wrong = golden.mismatch(client.predict(session.target.model, golden.picture.read_bytes()))
    require(not wrong, wrong)
    return golden.best
