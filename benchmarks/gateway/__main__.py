"""python -m benchmarks.gateway [ROUNDS [SECONDS]]

The profile's archive has to be there, and no server of it running. The reference photograph is asked for, of TorchServe
directly and through its gateway in turns, so that a ratio is of one round. Then the gateway is asked up to five times
what it can do, and last a probe asks it beside 200 clients that send a byte a second.
"""

from __future__ import annotations

import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from common.gateway import keys
from kit import machine, profiles
from kit.bench.load import pictures
from kit.bench.load.plan import Load, percentile
from kit.bench.measuring import measure
from kit.bench.servers.loaded_server import LoadedServer, of_state
from kit.gateway import nginx, places
from kit.gateway.planning import Wanted
from kit.machine import Machine
from kit.profiles import Profile
from kit.serving import gateway, lifecycle
from kit.serving.ports import free_ports
from kit.serving.proving import proved_server

CLIENTS = 8
WARM_UP = 1.0
TIMES = (0.5, 1, 2, 3, 5)
SLOW_CLIENTS = 200


@contextmanager
def served(profile: Profile, here: Machine) -> Iterator[tuple[LoadedServer, LoadedServer]]:
    """TorchServe, and its gateway with a key of its own."""
    wanted = lifecycle.plan(profile, here)
    asked = Wanted(address=f"127.0.0.1:{free_ports()[0]}")
    front = gateway.plan(asked, wanted, here.cores)
    assert front
    wanted.run.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with proved_server(wanted, lambda _: None) as proved:
        process = gateway.start(front, asked, wanted, proved.server, lambda _: None).gateway_process()
        assert process
        direct = of_state("direct", proved.server, wanted.run)
        with keys.passing(places.keys()) as key:
            headers = {"Authorization": f"Bearer {key}"}
            yield direct, LoadedServer("gateway", front.address.url("127.0.0.1"), direct.model, headers)
        nginx.stop(process, 1)


def middle(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} - {max(values):.{digits}f})"


def cost(direct: LoadedServer, front: LoadedServer, files: Sequence[Path], rounds: int, seconds: float) -> None:
    more, ratios = [], []
    for number in range(rounds):
        order = [direct, front] if number % 2 else [front, direct]
        alone = {one.name: measure(one, files, Load(clients=1), seconds, WARM_UP).measurement for one in order}
        full = {one.name: measure(one, files, Load(clients=CLIENTS), seconds, WARM_UP).measurement for one in order}
        more.append(alone["gateway"].p50 - alone[direct.name].p50)
        ratios.append(full["gateway"].throughput / full[direct.name].throughput)
    print(f"cost: p50 of one client + {middle(more, 2)} ms; throughput of {CLIENTS} clients x {middle(ratios, 3)}")


def overload(front: LoadedServer, files: Sequence[Path], seconds: float) -> None:
    most = measure(front, files, Load(clients=CLIENTS), seconds, WARM_UP).measurement.throughput
    print(f"capacity with {CLIENTS} clients: {most:.0f}/s\n")
    print("| asked | answered | refused | p50 | p99 |\n|---|---|---|---|---|")
    for times in TIMES:
        window = measure(front, files, Load(rate=times * most), seconds, WARM_UP)
        measured, refused = window.measurement, sum(window.errors.values())
        kinds = ", ".join(f"{count} x {kind}" for kind, count in window.errors.items())
        row = [f"{times} x", f"{measured.throughput:.0f}/s", f"{refused} ({kinds})" if refused else "0"]
        print(f"| {' | '.join(row)} | {measured.p50:.0f} ms | {measured.p99:.0f} ms |")
    after = measure(front, files, Load(clients=1), seconds, 0).measurement
    print(f"\nright after it, one client: p50 {after.p50:.0f} ms, {after.errors} errors")


def slow(front: LoadedServer, files: Sequence[Path], seconds: float) -> None:
    host, _, port = front.url.removeprefix("http://").rpartition(":")
    head = f"POST {front.path} HTTP/1.1\r\nHost: a\r\nAuthorization: {front.headers['Authorization']}\r\n"
    head += "Content-Length: 100000\r\n\r\n"
    alone = measure(front, files, Load(clients=1), seconds, WARM_UP)
    connections = [socket.create_connection((host, int(port))) for _ in range(SLOW_CLIENTS)]
    end = threading.Event()

    def drip() -> None:
        for connection in connections:
            connection.sendall(head.encode())
        while not end.wait(1):
            for connection in connections:
                connection.sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    time.sleep(1)
    beside = measure(front, files, Load(clients=1), seconds, WARM_UP)
    end.set()
    dripping.join()
    for connection in connections:
        connection.close()
    for name, window in (("alone", alone), (f"beside {SLOW_CLIENTS} slow clients", beside)):
        latencies = window.latencies
        print(f"probe {name}: p50 {percentile(latencies, 50):.1f}, p99 {percentile(latencies, 99):.1f} ms, ", end="")
        print(f"{sum(window.errors.values())} errors")


def main(rounds: str = "10", seconds: str = "5") -> None:
    here, lasts = machine.detect(), float(seconds)
    chosen = profiles.choose("onprem", here)
    shown = pictures.choose(pictures.REFERENCE_ONLY, chosen.build.folder / "bench" / "pictures")
    with served(chosen, here) as (direct, front):
        for target in (direct, front):
            measure(target, shown.files, Load(clients=CLIENTS), 3 * lasts, WARM_UP)
        cost(direct, front, shown.files, int(rounds), lasts)
        overload(front, shown.files, 2 * lasts)
        slow(front, shown.files, 2 * lasts)


if __name__ == "__main__":
    main(*sys.argv[1:])
