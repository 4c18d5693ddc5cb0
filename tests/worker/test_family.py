"""Real processes: what TorchServe starts, the parent that it finds or starts, and the workers that are forked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from common import processes
from common.watch import workers
from kit.serving.launch import WORKER
from tests.worker import front_end
from tests.worker.archives import archive
from worker.family import Family

PROGRAM = WORKER / "ts" / "model_service_worker.py"


@dataclass
class FrontEnd:
    """What Java does: start a worker, wait for its word, connect, load."""

    temp: Path
    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)

    def start(self) -> subprocess.Popen[str]:
        name = self.temp / f".ts.sock.{9000 + len(self.started)}"
        command = [
            sys.executable,
            str(PROGRAM),
            "--sock-type",
            "unix",
            "--sock-name",
            str(name),
            "--metrics-config",
            "x",
        ]
        self.started.append(
            subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return self.started[-1]

    def connected(self, process: subprocess.Popen[str]) -> socket.socket:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if line == "Torch worker started.\n":
                connection = socket.socket(socket.AF_UNIX)
                self.connections.append(connection)
                connection.settimeout(30)
                connection.connect(str(self.temp / f".ts.sock.{9000 + self.started.index(process)}"))
                return connection
        raise AssertionError("".join(said))

    def worker(self) -> Asked:
        process = self.start()
        connection = self.connected(process)
        connection.sendall(front_end.load(str(self.folder)))
        assert front_end.answer(connection)[0] == 200
        return Asked(process, connection)


@dataclass
class Asked:
    process: subprocess.Popen[str]
    connection: socket.socket

    def ask(self) -> dict[str, object]:
        self.connection.sendall(front_end.predict([({}, [("body", "text/plain", b"hello")])]))
        _, _, (said,) = front_end.answer(self.connection)
        found: dict[str, object] = json.loads(said.value)
        return found


@pytest.fixture
def front(tmp_path: Path) -> Iterator[FrontEnd]:
    temp = tmp_path / "t"
    temp.mkdir()
    made = FrontEnd(temp, archive(tmp_path / "archive"))
    yield made
    for connection in made.connections:
        connection.close()
    for pid in processes.family(os.getpid()):
        with suppress(psutil.NoSuchProcess):
            if pid != os.getpid() and str(temp) in " ".join(psutil.Process(pid).cmdline()):
                psutil.Process(pid).kill()
    for process in made.started:
        process.wait(10)
        assert process.stdout
        process.stdout.close()


def wait_for(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_workers_share_one_parent_which_loaded_once(front: FrontEnd) -> None:
    first, second = front.worker(), front.worker()
    told = [first.ask(), second.ask(), first.ask()]
    assert len({str(each["pid"]) for each in told}) == 2
    (parent,) = {each["parent"] for each in told}
    assert all(each["loaded_by"] == [parent] for each in told)
    assert told[0]["row"] == {"body": "hello"}
    assert {parent, told[0]["pid"], told[1]["pid"]} <= set(processes.family(os.getpid())), "they are the server's"


def test_many_that_start_at_once_find_one_parent(front: FrontEnd) -> None:
    started = [front.start() for _ in range(6)]
    parents = set()
    for process in started:
        asked = Asked(process, front.connected(process))
        asked.connection.sendall(front_end.load(str(front.folder)))
        assert front_end.answer(asked.connection)[0] == 200
        parents.add(asked.ask()["parent"])
    assert len(parents) == 1


def test_a_worker_that_is_killed_ends_what_was_started_the_same_way(front: FrontEnd) -> None:
    asked, other = front.worker(), front.worker()
    os.kill(int(str(asked.ask()["pid"])), signal.SIGKILL)
    assert asked.process.wait(10) == -signal.SIGKILL
    assert other.ask()["row"] == {"body": "hello"}, "and nobody else"
    again = front.worker()
    assert again.ask()["parent"] == other.ask()["parent"]


def test_what_torchserve_kills_takes_its_worker_along(front: FrontEnd) -> None:
    asked, other = front.worker(), front.worker()
    pid = int(str(asked.ask()["pid"]))
    asked.process.kill()
    wait_for(lambda: gone(pid))
    assert other.ask()["row"] == {"body": "hello"}


def test_one_that_is_killed_as_soon_as_it_has_asked_harms_nobody(front: FrontEnd) -> None:
    asked = front.worker()
    family = Family(str(front.temp), str(front.folder))
    for number in range(5):
        with family.connect() as connection:
            socket.send_fds(connection, [str(front.temp / f"s{number}").encode()], [1, 2])
    parent = int(str(asked.ask()["parent"]))
    again = front.worker()
    assert again.ask()["parent"] == parent
    wait_for(lambda: len(psutil.Process(parent).children()) == 2)


def test_a_connection_that_torchserve_closes_ends_the_worker_with_0(front: FrontEnd) -> None:
    asked = front.worker()
    asked.connection.close()
    assert asked.process.wait(10) == 0


def test_with_the_parent_all_workers_end_and_the_next_starts_another(front: FrontEnd) -> None:
    asked, other = front.worker(), front.worker()
    parent = int(str(asked.ask()["parent"]))
    os.kill(parent, signal.SIGKILL)
    assert asked.process.wait(10) == -signal.SIGKILL
    assert other.process.wait(10) == -signal.SIGKILL
    assert front.worker().ask()["parent"] != parent


def test_the_parent_of_a_version_that_was_unregistered_ends(front: FrontEnd) -> None:
    asked = front.worker()
    parent = int(str(asked.ask()["parent"]))
    shutil.rmtree(front.folder)
    asked.connection.close()
    assert asked.process.wait(10) == 0
    wait_for(lambda: gone(parent))
    assert not list(front.temp.glob(".fam.*[!k]")), "its socket is gone"


def test_the_server_s_end_is_the_family_s(front: FrontEnd) -> None:
    """Here the test itself is the server, so one is made that can end."""
    command = [sys.executable, str(PROGRAM), "--sock-name", str(front.temp / ".ts.sock.9000")]
    script = f"""
import os, subprocess, sys, time
subprocess.Popen({command!r}, cwd={str(front.folder)!r})
time.sleep(60)
"""
    server = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL)
    wait_for(lambda: len(processes.family(server.pid)) == 4)
    members = processes.family(server.pid)
    server.kill()
    server.wait()
    wait_for(lambda: all(gone(pid) for pid in members))


def test_a_crash_while_the_parent_imports_is_a_killed_worker(front: FrontEnd) -> None:
    """As of a processor that lacks an instruction; what says why is asked elsewhere (box/server/runtime_check.py)."""
    (front.folder / "echo_handler.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    assert front.start().wait(20) == -signal.SIGKILL


def test_what_failed_may_have_passed_when_the_next_worker_starts(front: FrontEnd) -> None:
    whole = (front.folder / "echo_handler.py").read_text()
    (front.folder / "echo_handler.py").write_text("raise MemoryError\n")
    process = front.start()
    connection = front.connected(process)
    connection.sendall(front_end.load(str(front.folder)))
    assert front_end.answer(connection)[0] == 507
    assert process.wait(10) == 1
    (front.folder / "echo_handler.py").write_text(whole)
    assert front.worker().ask()["row"] == {"body": "hello"}


def test_the_parent_tells_what_its_workers_have_answered_also_those_that_ended(front: FrontEnd) -> None:
    first, second = front.worker(), front.worker()
    for asked in (first, second, second):
        asked.ask()
    first.process.kill()
    wait_for(lambda: workers.read(front.temp)[0]["workers"] == 1)
    front.worker().ask()
    (found,) = workers.read(front.temp)
    assert (found["model"], found["workers"], found["workers_started"]) == ("echo", 2, 3)
    assert next(one["counts"] for one in found["measures"] if one["key"] == "code") == {"200": 4}
    assert found["workers_died"] == 0, "that one was TorchServe's to end"
    os.kill(int(str(second.ask()["pid"])), signal.SIGKILL)
    wait_for(lambda: workers.read(front.temp)[0]["workers_died"] == 1)


def test_a_death_counts_though_torchserve_hears_of_it_first(front: FrontEnd) -> None:
    asked = front.worker()
    told = asked.ask()
    parent = int(str(told["parent"]))
    os.kill(parent, signal.SIGSTOP)
    os.kill(int(str(told["pid"])), signal.SIGKILL)
    assert asked.connection.recv(1) == b"", "this is how TorchServe hears"
    asked.process.kill()
    os.kill(parent, signal.SIGCONT)
    wait_for(lambda: workers.read(front.temp)[0]["workers"] == 0)
    assert workers.read(front.temp)[0]["workers_died"] == 1


def test_a_worker_that_was_answering_when_torchserve_closed_ends_with_0(front: FrontEnd) -> None:
    asked = front.worker()
    pid = int(str(asked.ask()["pid"]))
    os.kill(pid, signal.SIGSTOP)
    asked.connection.sendall(front_end.predict([({}, [("data", "text/plain", b"hello")])]))
    asked.connection.close()
    os.kill(pid, signal.SIGCONT)
    assert asked.process.wait(10) == 0


def test_a_handler_that_cannot_be_imported_is_told_by_the_worker(front: FrontEnd) -> None:
    (front.folder / "echo_handler.py").write_text("import no_such_package\n")
    process = front.start()
    connection = front.connected(process)
    connection.sendall(front_end.load(str(front.folder)))
    code, message, _ = front_end.answer(connection)
    assert (code, message) == (500, "No module named 'no_such_package'")
    assert process.wait(10) == 1
    assert process.stdout
    said = process.stdout.read()
    assert "Failed to load model echo, exception No module named 'no_such_package'" in said
    assert "Backend worker process died." in said


def importer(front: FrontEnd, java: int) -> subprocess.Popen[bytes]:
    """What the kit starts beside Java; a module that cannot be had is whose who needs it."""
    command = [sys.executable, "-m", "worker.importer", str(front.temp), "csv,no_such_module", str(java)]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(WORKER.parent)})
    wait_for((front.temp / ".imports").exists)
    return process


def test_a_parent_is_forked_from_what_has_imported_and_does_not_need_it_any_more(front: FrontEnd) -> None:
    process = importer(front, os.getpid())
    asked = front.worker()
    parent = psutil.Process(int(str(asked.ask()["parent"])))
    assert (parent.ppid(), parent.name()) == (process.pid, "model-parent")
    assert parent.cwd() == str(front.folder)
    assert {process.pid, parent.pid} <= processes.with_parents([int(str(asked.ask()["pid"]))])
    process.kill()
    process.wait(10)
    assert asked.ask()["row"] == {"body": "hello"}
    again = front.worker()
    assert again.ask()["parent"] == parent.pid
    os.kill(parent.pid, signal.SIGKILL)
    assert again.process.wait(10) == -signal.SIGKILL
    assert psutil.Process(int(str(front.worker().ask()["parent"]))).ppid() != process.pid, "one by itself"


def test_nothing_is_imported_for_a_server_that_has_ended(front: FrontEnd) -> None:
    java = subprocess.Popen(["true"])
    java.wait(10)
    command = [sys.executable, "-m", "worker.importer", str(front.temp), "csv", str(java.pid)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(WORKER.parent)}, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not (front.temp / ".imports").exists()


def test_what_has_imported_ends_with_the_server(front: FrontEnd) -> None:
    java = subprocess.Popen(["sleep", "60"])
    process = importer(front, java.pid)
    assert process.poll() is None
    java.kill()
    java.wait(10)
    assert process.wait(10) == 0
