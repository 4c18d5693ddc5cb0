"""A server watched for a moment: workers that are made up, a real socket, a real record."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.errors import Unreachable
from common.watch import endpoint, watcher
from common.watch.record import reading
from common.watch.watcher import Watched, watch
from kit.build import PROJECT
from kit.client.exposition import parse
from kit.files import write_json
from tests.common.watch.documents import Workers
from tests.integration.places import wait_for

BEGAN = time.time()  # before any worker


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """Whose parent answers in the server's TEMP."""
    made = Workers()
    temp = tmp_path / "temp"
    temp.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(temp / ".fam.0123abcd"))
        listener.listen(8)

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(made.metrics.document({"model": "fruit", "version": "1.0"}))

        thread = threading.Thread(target=answer)
        thread.start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., Watched]:
    def make(about: Callable[[], dict[str, str]]) -> Watched:
        return Watched(
            tmp_path / "temp",
            os.getpid(),
            BEGAN,
            tmp_path / "counts",
            tmp_path / "r.sqlite",
            Path("m"),
            about,
            tmp_path / "samples",
        )

    return make


def test_what_happens_is_recorded_and_told(
    workers: Workers, watched: Callable[..., Watched], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watcher, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(watcher, "MINUTE", 1)
    release = {"release": "fruit-1.0"}
    said: list[str] = []
    stop = threading.Event()
    watching = threading.Thread(target=watch, args=(watched(lambda: release), stop, said.append))
    watching.start()
    try:
        wait_for(lambda: (tmp_path / "m").exists())
        for _ in range(3):
            workers.answer()
        told = {one.name: one.value for one in parse(endpoint.read(tmp_path / "m"))}
        assert told["vision_requests_total"] == 3
        assert told["vision_server_memory_bytes"] > 10_000_000
        endpoint.flush(tmp_path / "m")
        assert sum(values.get("code=200", 0) for _, values in reading.read(tmp_path / "r.sqlite", 0).minutes) == 3
        for _ in range(3):
            workers.metrics.give_back(0, died=True)
        wait_for(lambda: bool(endpoint.alerts(tmp_path / "m")))
        assert endpoint.alerts(tmp_path / "m") == {"VisionWorkersDie": "3 workers died within 15 minutes"}
        release["release"] = "fruit-1.1"
        time.sleep(0.3)
        workers.answer()
    finally:
        stop.set()
        watching.join()
    found = reading.read(tmp_path / "r.sqlite", 0)
    assert [(one.what, one.detail) for one in found.events] == [
        ("started", "fruit-1.0"),
        ("alert", "VisionWorkersDie: 3 workers died within 15 minutes"),
        ("switched", "fruit-1.1"),
        ("stopped", "fruit-1.1"),
    ]
    assert sum(values.get("code=200", 0) for _, values in found.minutes) == 4
    assert found.minutes[-1][1]["@server_memory_mb"] > 10
    assert said == ["alert: VisionWorkersDie: 3 workers died within 15 minutes"]
    assert endpoint.alerts(tmp_path / "m") == {}
    with pytest.raises(Unreachable):
        endpoint.read(tmp_path / "m")
    endpoint.flush(tmp_path / "m")


def test_what_cannot_be_read_is_said_and_the_next_is_counted(
    workers: Workers, watched: Callable[..., Watched], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watcher, "POLL_SECONDS", 0.05)
    (tmp_path / "counts").write_text('{"since": "noise"}')
    said: list[str] = []
    stop = threading.Event()
    watching = threading.Thread(target=watch, args=(watched(dict), stop, said.append))
    watching.start()
    try:
        wait_for(lambda: bool(said))
        (tmp_path / "counts").unlink()
        workers.answer()
        time.sleep(0.2)
    finally:
        stop.set()
        watching.join()
    assert said[0].startswith("what the server does could not be watched just now: ")
    assert sum(values.get("code=200", 0) for _, values in reading.read(tmp_path / "r.sqlite", 0).minutes) == 1


def answers(at: Path) -> bool:
    try:
        return bool(endpoint.read(at))
    except Unreachable:
        return False


def test_a_server_of_this_machine_is_watched_until_its_java_ends(workers: Workers, tmp_path: Path) -> None:
    java = subprocess.Popen(["sleep", "60"])
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    told = {"temp": str(tmp_path / "temp"), "since": BEGAN, "gateway": str(tmp_path / "counts")}
    told |= {"record": str(tmp_path / "r.sqlite"), "socket": "m", "about": {"release": "fruit-1.0"}, "samples": "s"}
    write_json(deep / "watch.json", told)
    command = [sys.executable, "-m", "common.watch", str(deep / "watch.json"), str(java.pid)]
    with subprocess.Popen(command, cwd=PROJECT) as process:
        try:
            wait_for(lambda: answers(deep / "m"))  # its file is there a moment before
            workers.answer()
            assert "vision_requests_total" in endpoint.read(deep / "m")
        finally:
            java.kill()
            java.wait()
        assert process.wait(20) == 0
    assert reading.read(tmp_path / "r.sqlite", 0).minutes[0][1]["code=200"] == 1


def test_a_server_that_ended_before_is_no_fault(tmp_path: Path) -> None:
    java = subprocess.Popen(["true"])
    java.wait()
    names = ("temp", "since", "gateway", "record", "socket", "about", "samples")
    write_json(tmp_path / "watch.json", dict.fromkeys(names, ""))
    command = [sys.executable, "-m", "common.watch", str(tmp_path / "watch.json"), str(java.pid)]
    assert subprocess.run(command, cwd=PROJECT, capture_output=True).stderr == b""
