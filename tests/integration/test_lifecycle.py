"""Start, work, stop: with a real TorchServe each time."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from common.server import tokens
from common.server.tokens import read_header
from kit import golden
from kit.build import PROJECT
from kit.processes import family
from kit.serving import state
from kit.smoke.session import client
from tests.integration.places import Place, wait_for


def test_start_proves_itself_and_its_curl_line_works(place: Place) -> None:
    started = place.server("start")
    assert started.returncode == 0, started.stderr
    assert re.search(r"^workers +\d+ \(one per core, \d+ cores?\)", started.stdout, re.MULTILINE)
    assert re.search(r"^ready after +[\d.]+ s", started.stdout, re.MULTILINE)
    curl = started.stdout.strip().splitlines()[-1]
    assert curl.startswith("curl -H @")
    answer = subprocess.run(shlex.split(curl), cwd=PROJECT, capture_output=True, text=True)
    assert golden.load(place.build.golden, "")[0].best in answer.stdout

    again = place.server("start")
    assert again.returncode == 0
    assert again.stdout.startswith("already running since ")
    shown = place.server("status")
    assert shown.returncode == 0
    assert shown.stdout.count("READY") == len(os.sched_getaffinity(0))


def test_no_token_in_an_argument_list_or_a_log(place: Place) -> None:
    running = place.start()
    secrets = tokens.read_keys(place.run.keys).values()
    assert len(list(secrets)) == 3
    process = running.process()
    assert process
    texts = [" ".join(one.cmdline()) for one in family(process.pid)]
    texts += [path.read_text() for path in place.run.logs.iterdir()]
    assert not [secret for secret in secrets for text in texts if secret in text]
    for path in (place.run.keys, place.run.inference_header, place.run.management_header, place.run.state):
        assert path.stat().st_mode & 0o077 == 0, path.name
    assert place.run.folder.stat().st_mode & 0o077 == 0


def test_stop_answers_what_is_in_flight_refuses_what_is_new_and_leaves_nothing(place: Place) -> None:
    running = place.start()
    picture = place.picture()
    accepted = 12  # several times what the workers can have in hand, so that most of them wait in the queue

    def ask(_: int) -> int:
        with place.client(running) as http:
            return http.put(f"/predictions/{running.models[0].name}", content=picture).status_code

    def ask_until_refused() -> list[int | str]:
        statuses: list[int | str] = []
        with place.client(running) as http:
            while not statuses or statuses[-1] == 200:
                try:
                    statuses.append(http.put(f"/predictions/{running.models[0].name}", content=picture).status_code)
                except httpx.HTTPError as error:
                    statuses.append(type(error).__name__)
        return statuses

    java = running.process()
    assert java
    workers = [process for process in family(java.pid) if process.name() == "model-worker"]
    assert len(workers) == running.workers
    for worker in workers:
        worker.suspend()  # so that the requests are surely still in flight when the stop begins
    with ThreadPoolExecutor(accepted + 2) as pool:
        early = [pool.submit(ask, number) for number in range(accepted)]
        wait_for(lambda: pending(place, running) >= accepted - len(workers))
        stopping = pool.submit(place.server, "stop")
        wait_for(lambda: not works(place, running))
        for worker in workers:
            worker.resume()
        late = pool.submit(ask_until_refused)
        assert [future.result() for future in early] == [200] * accepted
        assert late.result()[-1] in (400, "ConnectError", "ReadError", "RemoteProtocolError")
        assert stopping.result().returncode == 0, stopping.result().stderr
    assert place.processes() == []
    assert place.left_behind() == set()
    assert not Path(running.temp).exists()
    assert place.server("stop").stdout == "not running\n"
    assert place.server("status").returncode == 1


def works(place: Place, running: state.ServerState) -> bool:
    """Is the token that clients hold still good? (`/ping` wants it too, and needs no worker.)"""
    with place.client(running) as http:
        return http.get("/ping").status_code == 200


def pending(place: Place, running: state.ServerState) -> int:
    with client(running.management, read_header(place.run.management_header)) as http:
        return int(http.get(f"/models/{running.models[0].name}").json()[0]["jobQueueStatus"]["pendingRequests"])


def test_a_killed_worker_comes_back_by_itself(place: Place) -> None:
    running = place.start()
    picture = place.picture()
    done = threading.Event()
    statuses: list[int] = []

    def load() -> None:
        with place.client(running) as http:
            while not done.is_set():
                statuses.append(http.put(f"/predictions/{running.models[0].name}", content=picture).status_code)

    def workers() -> list[dict[str, object]]:
        with client(running.management, read_header(place.run.management_header)) as http:
            listed: list[dict[str, object]] = http.get(f"/models/{running.models[0].name}").json()[0]["workers"]
            return listed

    victim = int(str(workers()[0]["pid"]))
    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(load) for _ in range(4)]
        wait_for(lambda: len(statuses) > 8)
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: all(w["status"] == "READY" and w["pid"] not in (victim, -1, 0) for w in workers()))
        count = len(statuses)
        wait_for(lambda: len(statuses) > count + 8)
        done.set()
        for future in loads:
            future.result()
    failed = [status for status in statuses if status != 200]
    assert len(failed) <= 1, "only the request that the killed worker had in hand may fail"
    assert set(failed) <= {500, 503, 507}
    assert statuses[-8:] == [200] * 8
    assert place.server("status").returncode == 0


@contextmanager
def attached(place: Place) -> Iterator[subprocess.Popen[str]]:
    """`server start --foreground`, from the moment it has said that it is ready."""
    command = [sys.executable, "-m", "scripts.server", "start", "--foreground"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            lines = iter(process.stdout.readline, "")
            assert any(line.startswith("curl ") for line in lines), "it never said that it was ready"
            yield process
        finally:
            process.kill()


def test_foreground_passes_the_signal_on_and_ends_with_the_server(place: Place) -> None:
    with attached(place) as process:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "finishing the requests in flight" in errors
    assert place.processes() == []
    assert place.left_behind() == set()


def test_foreground_fails_when_the_server_dies(place: Place) -> None:
    with attached(place) as process:
        running = state.running(place.run)
        assert running
        os.kill(running.pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "TorchServe ended on its own with status -9" in errors
    wait_for(lambda: place.processes() == [])


def test_foreground_ends_well_when_it_is_stopped_from_elsewhere(place: Place) -> None:
    with attached(place) as process:
        assert place.server("stop").returncode == 0
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def test_a_bad_picture_in_a_batch_leaves_its_mates_their_right_answers(profile_place: Callable[..., Place]) -> None:
    """One worker that waits a second for eight requests: eight sent together are one batch, one alone is its own."""
    batching = [("batchSize: 1\n", "batchSize: 8\nmaxBatchDelay: 1000\nminWorkers: 1\nmaxWorkers: 1\n")]
    place = profile_place({"model-config.yaml": batching})
    running = place.start()
    pictures = [one.picture.read_bytes() for one in golden.load(place.build.golden, "")]
    bodies = [pictures[0], b"not a picture", pictures[1], pictures[2], b"", pictures[3], pictures[4], pictures[0]]

    def ask(body: bytes) -> httpx.Response:
        with place.client(running) as http:
            return http.put(f"/predictions/{running.models[0].name}", content=body)

    alone = [ask(body) for body in bodies]
    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(ask, bodies))
    assert [answer.status_code for answer in answers] == [200, 415, 200, 200, 400, 200, 200, 200]
    for one, other in zip(alone, answers, strict=True):
        if other.status_code == 200:
            assert list(other.json()) == list(one.json())
            assert list(other.json().values()) == pytest.approx(list(one.json().values()), abs=1e-5)
        else:
            assert other.json() == one.json()


def test_management_on_a_unix_socket_that_only_its_user_can_open(profile_place: Callable[..., Place]) -> None:
    changes = [("management_address=http://127.0.0.1:8081", "management_address=unix:$$RUN_DIR$$/m.sock")]
    place = profile_place({"config.properties": changes})
    del place.environment["TS_MANAGEMENT_ADDRESS"]
    running = place.start()
    path = Path(running.management.removeprefix("unix:"))
    assert path.is_socket()
    assert path.stat().st_mode & 0o077 == 0
    assert place.server("status").returncode == 0
    assert place.server("stop").returncode == 0
    assert place.left_behind() == set()
