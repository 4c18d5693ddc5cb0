"""The generator's process against a real server whose answers are known."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from socket import create_server

import pytest

from kit.bench.load.plan import Load, arrivals
from kit.bench.measuring import measure, measure_server
from kit.bench.servers.loaded_server import LoadedServer
from tests.kit.small_server import RIGHT, Serve


def test_a_closed_loop_counts_every_right_answer(serve: Serve, picture: Path) -> None:
    server = serve(lambda number: (200, RIGHT))
    window = measure(server.target, [picture], Load(clients=1), seconds=0.5, warm_up=0)
    # All but the first, which opens the window, and perhaps the last.
    assert server.asked - 2 <= window.measurement.requests <= server.asked - 1
    assert len(window.latencies) == window.measurement.requests > 0
    assert window.errors == {}
    assert server.bodies == {picture.read_bytes()}
    assert server.tokens == {"Bearer secret"}


def test_the_warm_up_does_not_count(serve: Serve, picture: Path) -> None:
    opened = time.monotonic()

    def right_after_a_while(number: int) -> tuple[int, bytes]:
        return (200, RIGHT) if time.monotonic() - opened > 0.6 else (503, b"{}")

    # The generator begins after `opened`, so its window opens more than 1.5 s after it.
    server = serve(right_after_a_while)
    window = measure(server.target, [picture], Load(clients=2), seconds=0.4, warm_up=1.5)
    assert window.errors == {}
    assert window.measurement.requests > 0


def test_the_window_opens_when_every_client_was_answered(serve: Serve, picture: Path) -> None:
    first_two = threading.Barrier(2)

    def together(number: int) -> tuple[int, bytes]:
        if number < 2:
            first_two.wait(timeout=30)
            time.sleep(0.5)
        return 200, RIGHT

    server = serve(together)
    window = measure(server.target, [picture], Load(clients=2), seconds=0.4, warm_up=0)
    assert 0 < window.measurement.requests <= server.asked - 2
    assert len(window.latencies) == window.measurement.requests


def test_latency_is_no_shorter_than_the_server_took(serve: Serve, picture: Path) -> None:
    def slowly(number: int) -> tuple[int, bytes]:
        time.sleep(0.05)
        return 200, RIGHT

    measured = measure_server(serve(slowly).target, [picture], clients=2, seconds=0.6, warm_up=0)
    assert 50 <= measured.p50 <= measured.p95 <= measured.p99 <= measured.p999
    assert measured.client_cores > 0


def test_errors_are_told_apart_and_the_rest_still_counts(serve: Serve, picture: Path) -> None:
    answers = [(200, RIGHT), (503, b"{}"), (200, RIGHT), (200, b'{"code": 415}'), (200, RIGHT), (200, b"oops"), None]
    server = serve(lambda number: answers[number % len(answers)])
    window = measure(server.target, [picture], Load(clients=1), seconds=2.5, warm_up=0)
    rounds = server.asked // len(answers)
    assert rounds >= 1
    assert abs(window.errors["HTTP 503"] - rounds) <= 1
    assert abs(window.errors["HTTP 200 without a label"] - 2 * rounds) <= 2
    assert abs(window.errors["connection closed without an answer"] - rounds) <= 1
    assert window.measurement.errors == sum(window.errors.values())
    assert abs(window.measurement.requests - 3 * rounds) <= 3
    assert len(window.latencies) == window.measurement.requests


def test_nobody_there(picture: Path) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nobody = LoadedServer("nobody", f"http://127.0.0.1:{port}", "fruit", {})
    window = measure(nobody, [picture], Load(clients=1), seconds=0.5, warm_up=0)
    assert set(window.errors) == {"not connected: ConnectionRefusedError"}
    assert window.measurement.requests == 0
    assert window.measurement.p50 == math.inf


def test_an_open_loop_sends_what_is_due_and_no_more(serve: Serve, picture: Path) -> None:
    server = serve(lambda number: (200, RIGHT))
    window = measure(server.target, [picture], Load(rate=80), seconds=1, warm_up=0, seed=3)
    assert server.asked == len(window.latencies) == len(list(arrivals(80, 1, seed=3)))
    assert window.measurement.errors == 0


def test_an_open_loop_charges_a_slow_server_for_those_who_queue(serve: Serve, picture: Path) -> None:
    """Fifty answers a second and a hundred requests: the last one waits for all before it."""
    one_at_a_time = threading.Lock()

    def queued(number: int) -> tuple[int, bytes]:
        with one_at_a_time:
            time.sleep(0.02)
        return 200, RIGHT

    window = measure(serve(queued).target, [picture], Load(rate=100), seconds=1, warm_up=0)
    due = len(list(arrivals(100, 1, seed=0)))
    assert len(window.latencies) == due
    # All were due within a second and took 20 ms each, so the last was answered this late at the least.
    assert window.latencies[-1] >= due * 20 - 1000


def test_a_server_elsewhere_has_no_known_cost(serve: Serve, picture: Path) -> None:
    window = measure(serve(lambda number: (200, RIGHT)).target, [picture], Load(clients=1), seconds=0.5, warm_up=0)
    assert window.processes == []
    assert (window.measurement.memory, window.measurement.cores) == (0, 0.0)


@pytest.mark.parametrize("count", [1, 3])
def test_pictures_are_asked_for_in_turn(serve: Serve, tmp_path: Path, count: int) -> None:
    files = [tmp_path / f"{number}.jpg" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 1000)
    server = serve(lambda number: (200, RIGHT))
    measure(server.target, files, Load(clients=1), seconds=0.5, warm_up=0)
    assert server.bodies == {file.read_bytes() for file in files}
