"""Where Prometheus finds the gateways of a fleet."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

from common.gateway.address import parse
from kit.fleet.host.survey import Answer
from kit.fleet.inventory.fleet import Fleet
from kit.monitoring.files import Target


def targets(fleet: Fleet, answers: Sequence[Answer], resolves: Callable[[str], bool]) -> tuple[list[Target], list[str]]:
    """A target for each box that has a gateway, by the fleet file or by what the box says of itself; and the names of
    those that have none. `answers` of `status`, in the fleet's order; `resolves`: whether this machine knows a name."""
    found, without = [], []
    for box, answer in zip(fleet.boxes, answers, strict=True):
        told: dict[str, Any] = answer.said.get("gateway") or {}
        where = parse(box.gateway_address) if box.gateway_address else None
        port, tls = (where.port, where.tls) if where else _told(told)
        if not port:
            without.append(box.name)
            continue
        names = [str(name) for name in told.get("names", ())]
        host = box.name if resolves(box.name) else next((name for name in names if _is_address(name)), box.name)
        found.append(Target(box.name, fleet.name, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", tls))
    return found, without


def _told(told: dict[str, Any]) -> tuple[int, bool]:
    """Port 0 where it says nothing of a gateway."""
    port = str(told.get("address", "")).rpartition(":")[2]
    return (int(port) if port.isdecimal() else 0), bool(told.get("tls"))


def _is_address(name: str) -> bool:
    try:
        return not ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def resolves(name: str) -> bool:
    try:
        return bool(socket.getaddrinfo(name, None))
    except OSError:
        return False
