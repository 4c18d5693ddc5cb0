"""Ports for a server beside others: nothing listens on them now."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from socket import create_server

LISTENERS = ("inference_address", "management_address", "metrics_address")
GRPC_LISTENERS = ("grpc_inference_port", "grpc_management_port")


def free_ports() -> list[int]:
    """Five: as many as a TorchServe takes."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(create_server(("127.0.0.1", 0))) for _ in range(5)]
        return [taken.getsockname()[1] for taken in sockets]


def addresses(ports: Sequence[int]) -> dict[str, str]:
    """config.properties' own words for five ports of the loopback address."""
    listeners = {key: f"http://127.0.0.1:{port}" for key, port in zip(LISTENERS, ports[:3], strict=True)}
    return listeners | {key: str(port) for key, port in zip(GRPC_LISTENERS, ports[3:], strict=True)}
