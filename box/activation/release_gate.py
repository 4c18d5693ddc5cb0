"""The gate: a release stays only if all its workers are READY, it answers rightly, fast enough, and fits in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from box.state.paths import Paths
from box.store import integrity
from box.system.space import MEGABYTE
from common import processes
from common.errors import KitError
from common.manifest import Gate, GoldenEntry, Manifest
from common.server import answers
from common.server.torchserve import Inference, Management
from common.watch import workers
from common.words import count

MUCH = "too much memory"


@dataclass(frozen=True)
class Measured:
    """`wrong`: a sentence for each golden picture that was not answered rightly. Latencies in milliseconds. By the
    workers' own metrics, in the meantime: how many `died`, and how many requests they `counted`, None without any."""

    ready: int
    wanted: int
    right: int
    wrong: Sequence[str] = ()
    latencies: Sequence[float] = field(default=())
    memory_mb: float = 0.0
    died: int = 0
    counted: int | None = None

    @property
    def asked(self) -> int:
        return self.right + len(self.wrong) + len(self.latencies)


Found = Sequence[tuple[Manifest, Measured]]
"""What was measured of each model of a release."""


def describe(found: Found) -> dict[str, Any]:
    """Of several models the workers and pictures of all, and the p95 that is nearest to its limit, or above it most."""
    slowest = max(found, key=lambda one: p95(one[1].latencies) / one[0].gate.p95_ms if one[1].latencies else 0.0)
    gate, latencies, measured = slowest[0].gate, slowest[1].latencies, [one for _, one in found]
    return {
        "workers": sum(one.ready for one in measured),
        "workers_died": sum(one.died for one in measured),
        "golden_right": sum(one.right for one in measured),
        "golden_wrong": sum(len(one.wrong) for one in measured),
        "p95_ms": round(p95(latencies), 1) if latencies else None,
        "p95_limit_ms": gate.p95_ms,
        "memory_mb": round(measured[0].memory_mb),
        "memory_limit_mb": gate.memory_mb,
    }


def failures(found: Found) -> list[str]:
    """What the release fails at; empty when it passed."""
    several = len(found) > 1
    said = [
        f"{model.model.name}: {why}" if several and not why.startswith(MUCH) else why
        for model, measured in found
        for why in judge(model.gate, measured)
    ]
    return list(dict.fromkeys(said))  # the memory is that of them all


def p95(latencies: Sequence[float]) -> float:
    """The nearest rank: 19 of 20 were no slower."""
    return sorted(latencies)[math.ceil(0.95 * len(latencies)) - 1]


def too_slow(latencies: Sequence[float], requests: int, limit: float) -> bool:
    """Are so many over the limit that p95 of all `requests` cannot be below it any more?"""
    return sum(latency > limit for latency in latencies) > requests - math.ceil(0.95 * requests)


def judge(gate: Gate, measured: Measured) -> list[str]:
    """What a model fails at; empty when it passed."""
    failures = []
    if measured.ready < measured.wanted:
        failures.append(f"only {measured.ready} of {measured.wanted} workers are READY")
    if measured.died:
        failures.append(f"{count(measured.died, 'worker')} died while it was tried")
    if measured.wrong:
        asked = measured.right + len(measured.wrong)
        failures.append(f"{len(measured.wrong)} of {asked} golden pictures were answered wrongly: {measured.wrong[0]}")
    if too_slow(measured.latencies, gate.requests, gate.p95_ms):
        failures.append(
            f"too slow: p95 is {p95(measured.latencies):,.0f} ms over {count(len(measured.latencies), 'request')}, "
            f"the limit is {gate.p95_ms:,.0f} ms"
        )
    if measured.memory_mb > gate.memory_mb:
        failures.append(f"{MUCH}: it uses {measured.memory_mb:,.0f} MB, the limit is {gate.memory_mb:,.0f} MB")
    if not measured.wrong and measured.counted is not None and measured.counted < measured.asked:
        failures.append(
            f"its workers count {measured.counted} of {count(measured.asked, 'request')}: another server answers there"
        )
    return failures


def counted(told: Mapping[str, Any]) -> int:
    """The requests of watchers, of which this gate is one, by a document of common/watch/workers.py."""
    return sum(next(one["counts"] for one in told["measures"] if one["key"] == "probes").values())


@dataclass(frozen=True)
class Examiner:
    """Asks one model of a running server. `version`: "" for what clients get, or the version that stands beside it."""

    paths: Paths
    manifest: Manifest
    inference: Inference
    management: Management
    version: str = ""

    @property
    def folder(self) -> Path:
        return self.paths.release(self.manifest.release)

    def examine(self, memory_mb: Callable[[], float]) -> Measured:
        """`memory_mb`: what the server takes, asked when it has answered."""
        golden = integrity.whole_golden(self.paths, self.manifest)
        before = self._metrics()
        right, wrong = self._ask_golden(golden)
        latencies = self._time_requests(golden) if not wrong else []
        taken, after = memory_mb(), self._metrics()
        return Measured(
            ready=self._ready(),
            wanted=self.manifest.server.workers,
            right=right,
            wrong=wrong,
            latencies=latencies,
            memory_mb=taken,
            died=after["workers_died"] - before["workers_died"] if before and after else 0,
            counted=counted(after) - counted(before) if before and after else None,
        )

    def _metrics(self) -> dict[str, Any] | None:
        """What the workers of this version have counted; None with `worker: torchserve`."""
        mine = (self.manifest.model.name, self.manifest.model.version)
        return next((one for one in workers.read(self.paths.temp) if (one["model"], one["version"]) == mine), None)

    def _ready(self) -> int:
        row = self.management.describe(self.manifest.model.name, self.version)[0]
        if str(row["modelVersion"]) != self.manifest.model.version:
            raise KitError(f"it serves version {row['modelVersion']}, not {self.manifest.model.version}")
        return sum(worker["status"] == "READY" for worker in row["workers"])

    def _ask_golden(self, golden: Sequence[GoldenEntry]) -> tuple[int, list[str]]:
        wrong = []
        for picture in golden:
            content = (self.folder / picture.file).read_bytes()
            try:
                answer = self._predict(content)
            except KitError as error:
                wrong.append(f"{picture.file}: {error.message}")
                continue
            if sentence := answers.mismatch(picture.file, picture.expected, self.manifest.tolerance, answer):
                wrong.append(sentence)
        return len(golden) - len(wrong), wrong

    def _time_requests(self, golden: Sequence[GoldenEntry]) -> list[float]:
        pictures = [(self.folder / picture.file).read_bytes() for picture in golden]
        gate = self.manifest.gate
        latencies: list[float] = []
        for number in range(gate.requests):
            begun = time.monotonic()
            self._predict(pictures[number % len(pictures)])
            latencies.append((time.monotonic() - begun) * 1000)
            if too_slow(latencies, gate.requests, gate.p95_ms):
                break
        return latencies

    def _predict(self, picture: bytes) -> Any:
        return self.inference.predict(
            self.manifest.model.name, picture, self.manifest.server.response_timeout, self.version
        )


def memory_mb(server_pid: int, without_pids: Sequence[int] = ()) -> float:
    """What a server takes. `without_pids`: the workers of old versions, which are there during a hot swap only."""
    others = processes.with_parents(without_pids)
    return processes.proportional([pid for pid in processes.family(server_pid) if pid not in others]) / MEGABYTE
