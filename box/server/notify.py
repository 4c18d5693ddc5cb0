"""systemd's notification protocol: a datagram to the socket it names. Without systemd there is nobody to tell."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(*assignments: str, environment: Mapping[str, str] = os.environ) -> None:
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect(address)
            channel.sendall("\n".join(assignments).encode())
        except OSError:
            return  # it misses a sign of life, which is what its watchdog is for


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float:
    """How long systemd waits for a sign of life (WatchdogSec of the unit); 0 when it does not."""
    value = environment.get("WATCHDOG_USEC", "")
    return int(value) / 1e6 if value.isdigit() else 0.0
