"""What one measurement of one server under one load says. Benchmarks report it, the tuner compares it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """`requests` were answered rightly in `seconds`; `errors` were not. Latencies in milliseconds, memory in bytes.

    `memory` is the proportional share (PSS) of all the server's processes together. `cores` is how many processor
    cores they kept busy on average, `client_cores` the same of the load generator.
    """

    requests: int
    errors: int
    seconds: float
    p50: float
    p95: float
    p99: float
    p999: float
    memory: int
    cores: float
    client_cores: float

    @property
    def throughput(self) -> float:
        """Right answers a second."""
        return self.requests / self.seconds
