"""One load on one server, once: the generator beside the server, and what both cost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from common.errors import KitError
from kit import processes
from kit.bench.load.plan import Load, LoadPlan, percentile
from kit.bench.measurement import Measurement
from kit.bench.servers.loaded_server import LoadedServer
from kit.build import PROJECT
from kit.processes import ProcessShare


@dataclass(frozen=True)
class Window:
    """A Measurement and what is behind it: every latency (ms, ascending), errors by kind, memory by process.

    `processes` is empty for a server elsewhere; its Measurement then has memory and cores 0.
    """

    load: Load
    measurement: Measurement
    latencies: list[float]
    errors: dict[str, int]
    processes: list[ProcessShare]


def measure_server(
    server: LoadedServer, pictures: Sequence[Path], clients: int, seconds: float, warm_up: float
) -> Measurement:
    """`clients` in a closed loop for `seconds`, after `warm_up` seconds of the same that do not count."""
    return measure(server, pictures, Load(clients=clients), seconds, warm_up).measurement


def measure(
    server: LoadedServer, pictures: Sequence[Path], load: Load, seconds: float, warm_up: float, seed: int = 0
) -> Window:
    """Returns when every request has its answer, so that the next measurement starts with an idle server.

    Wrong answers are counted, not raised. Raises KitError when the generator itself ends early.
    """
    plan = LoadPlan(
        url=server.url,
        path=server.path,
        headers=server.headers,
        pictures=[str(path) for path in pictures],
        clients=load.clients,
        rate=load.rate,
        warm_up=warm_up,
        seconds=seconds,
        seed=seed,
    )
    with subprocess.Popen(
        [sys.executable, "-m", "kit.bench.load.generator"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as generator:
        try:
            assert generator.stdin
            assert generator.stdout
            # On stdin, not among the arguments: the headers hold a token.
            generator.stdin.write(json.dumps(asdict(plan)))
            generator.stdin.close()
            opens, ends = json.loads(generator.stdout.readline())
            before = _moment(server, opens)
            after = _moment(server, ends)
            memory = processes.shares(server.pid)
            tally = json.loads(generator.stdout.readline())
        except ValueError:
            raise KitError("the load generator ended early; see its output above") from None
        finally:
            if generator.poll() is None:
                generator.terminate()
    latencies: list[float] = tally["latencies"]
    passed = after.time - before.time
    measured = Measurement(
        requests=tally["right"],
        errors=sum(tally["errors"].values()),
        seconds=seconds,
        p50=percentile(latencies, 50),
        p95=percentile(latencies, 95),
        p99=percentile(latencies, 99),
        p999=percentile(latencies, 99.9),
        memory=sum(share.memory for share in memory),
        cores=max(0.0, after.server - before.server) / passed,
        client_cores=tally["cpu_seconds"] / seconds + (after.own - before.own) / passed,
    )
    return Window(load, measured, latencies, tally["errors"], memory)


@dataclass(frozen=True)
class _Moment:
    """Seconds: of the clock, and of processor time of the server and of this process."""

    time: float
    server: float
    own: float


def _moment(server: LoadedServer, when: float) -> _Moment:
    time.sleep(max(0.0, when - time.monotonic()))
    return _Moment(time.monotonic(), processes.cpu_seconds(server.pid), time.process_time())
