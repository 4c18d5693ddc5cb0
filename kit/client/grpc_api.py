"""TorchServe's gRPC inference API, spoken from config/grpc/inference.proto as it stands: no generated code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]

from common.errors import KitError
from kit.build import PROJECT

PROTO = PROJECT / "config" / "grpc" / "inference.proto"
DEADLINE_SECONDS = 60.0
# A phone's photograph is larger than gRPC's own 4 MB.
MESSAGE_BYTES = 64 << 20


class GrpcError(KitError):
    """The call failed. `code` is gRPC's name for it, like PERMISSION_DENIED."""

    def __init__(self, what: str, code: str, details: str) -> None:
        self.code = code
        super().__init__(f"{what}: gRPC {code}, {details}")


@cache
def protocol() -> tuple[Any, Any]:
    """The messages' and the service's modules, made from the .proto file on first use."""
    sys.path.insert(0, str(PROTO.parent))  # where grpc looks for it
    try:
        return grpc.protos_and_services(PROTO.name)  # type: ignore[no-any-return]
    finally:
        sys.path.remove(str(PROTO.parent))


@dataclass(frozen=True)
class GrpcInference:
    """One open channel. Headers go along as metadata, so a token is given as it is for REST."""

    stub: Any
    metadata: tuple[tuple[str, str], ...]

    def ping(self) -> str:
        """`Healthy`, while the server runs. Raises GrpcError."""
        answer = self._call("Ping", Empty())
        return str(json.loads(answer.health)["status"])

    def predict(self, model: str, picture: bytes, version: str = "") -> Any:
        """The answer's JSON document. Raises GrpcError."""
        messages, _ = protocol()
        request = messages.PredictionsRequest(model_name=model, model_version=version, input={"data": picture})
        return json.loads(self._call("Predictions", request).prediction)

    def _call(self, name: str, request: Any) -> Any:
        try:
            return getattr(self.stub, name)(request, timeout=DEADLINE_SECONDS, metadata=self.metadata)
        except grpc.RpcError as error:
            raise GrpcError(name, error.code().name, error.details()) from None


@contextmanager
def connect(address: str, headers: Mapping[str, str]) -> Iterator[GrpcInference]:
    """A channel to `host:port`, closed at the end of the block."""
    _, services = protocol()
    options = [
        ("grpc.max_send_message_length", MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.enable_http_proxy", 0),
    ]
    with grpc.insecure_channel(address, options=options) as channel:
        metadata = tuple((name.lower(), value) for name, value in headers.items())
        yield GrpcInference(services.InferenceAPIsServiceStub(channel), metadata)
