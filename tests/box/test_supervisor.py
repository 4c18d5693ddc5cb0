"""`serve`: what it tells systemd, when, and that it acts when predictions stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from box.store import releases
from common.watch import endpoint
from common.watch.record import reading
from kit.client.exposition import parse
from tests.box.shop import Box, make_release, wait_for


class Systemd:
    """Its end of the notification socket."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.channel.bind(self.address)
        self.channel.settimeout(60)
        self.heard: list[str] = []

    def hear(self, word: str) -> None:
        """Wait until `word` was said."""
        while word not in self.heard:
            self.heard += self.channel.recv(4096).decode().split("\n")
        self.heard = self.heard[self.heard.index(word) + 1 :]


@pytest.fixture
def systemd(box: Box) -> Iterator[Systemd]:
    made = Systemd(box.root / "notify")
    yield made
    made.channel.close()


@contextmanager
def serving(
    box: Box, systemd: Systemd, tmp_path: Path, watchdog: float = 20, **archive: object
) -> Iterator[subprocess.Popen[str]]:
    release = make_release("1.0", tmp_path, **archive)  # type: ignore[arg-type]
    box.take(release)
    releases.switch(box.paths, box.paths.current, release.name)
    environment = box.environment | {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": str(int(watchdog * 1e6))}
    with subprocess.Popen(
        box.command("serve"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_ready_after_an_answer_alive_after_each_and_a_quiet_end(box: Box, systemd: Systemd, tmp_path: Path) -> None:
    with serving(box, systemd, tmp_path, watchdog=5) as process:
        systemd.hear("READY=1")
        for _ in range(3):
            systemd.hear("WATCHDOG=1")
        java = json.loads(box.paths.server_state.read_text())["java"]
        process.send_signal(signal.SIGTERM)
        systemd.hear("STOPPING=1")
        assert process.wait(30) == 0
        assert not Path(f"/proc/{java}").exists()
        assert not box.paths.server_state.exists()


def test_what_the_server_does_is_recorded_and_told(box: Box, systemd: Systemd, tmp_path: Path) -> None:
    with serving(box, systemd, tmp_path) as process:
        systemd.hear("READY=1")
        release = str(releases.current(box.paths))
        wait_for(lambda: box.paths.metrics_socket.exists(), 10)
        told = {one.name: one.value for one in parse(endpoint.read(box.paths.metrics_socket))}
        assert told["vision_server_memory_bytes"] > 1_000_000
        assert told["vision_start_time_seconds"] == pytest.approx(time.time(), abs=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    record = reading.imported(box.ask("record"), 0)
    assert [(one.what, one.detail) for one in record.events] == [("started", release), ("stopped", release)]
    assert all(values["@server_memory_mb"] > 0 for _, values in record.minutes)
    assert reading.imported(box.ask("record", "--since", str(time.time() + 60)), 0) == reading.Record([], [])


def told(box: Box) -> dict[str, object]:
    return dict(json.loads(box.paths.verdict.read_text()))


def test_the_gateway_is_told_what_is_seen(box: Box, systemd: Systemd, tmp_path: Path) -> None:
    # The first answer makes it ready; after one more its workers hang.
    with serving(box, systemd, tmp_path, watchdog=8, hang_after=2) as process:
        systemd.hear("READY=1")
        java = json.loads(box.paths.server_state.read_text())["java"]
        seen = {"ready": True, "version": "1.0", "workers": 1, "pids": [java]}
        assert told(box) == seen | {"models": {"net": seen}}
        wait_for(lambda: not told(box)["ready"], 20)
        assert told(box)["why"] == "a prediction: HTTP 503, no worker is available"
        process.wait(60)
        assert not box.paths.verdict.exists()


def test_one_of_several_models_that_hangs_ends_it(box: Box, systemd: Systemd, tmp_path: Path) -> None:
    others = {"shelf": {"version": "1.0", "hang_after": 3}}
    with serving(box, systemd, tmp_path, watchdog=8, others=others) as process:
        systemd.hear("READY=1")
        wait_for(lambda: not told(box)["ready"], 20)
        assert told(box)["why"] == "shelf: a prediction: HTTP 503, no worker is available"
        assert process.stderr
        assert "no prediction succeeded for 6 s" in process.stderr.read()
        assert process.wait(60) == 1


def test_a_wrong_answer_is_told_and_restarts_nothing(box: Box, systemd: Systemd, tmp_path: Path) -> None:
    with serving(box, systemd, tmp_path, watchdog=5):
        systemd.hear("READY=1")
        golden = box.paths.releases / str(releases.current(box.paths)) / "golden/papaya.jpg"
        manifest = golden.parent.parent / "manifest.json"
        document = json.loads(manifest.read_text())
        document["golden"]["pictures"][0]["expected"] = {"Mango": 0.9}
        other = document | {"release": "net-1.0-0other00"}
        beside = box.paths.releases / other["release"]
        shutil.copytree(golden.parent.parent, beside)
        (beside / "manifest.json").write_text(json.dumps(other))
        serves = json.loads(box.paths.server_state.read_text())  # as a hot swap leaves it
        box.paths.server_state.write_text(json.dumps(serves | {"release": other["release"]}))
        wait_for(lambda: not told(box)["ready"], 20)
        assert str(told(box)["why"]).startswith("golden/papaya.jpg: expected Mango first, got Papaya")
        systemd.hear("WATCHDOG=1")


def test_it_is_never_ready_when_it_answers_wrongly(box: Box, systemd: Systemd, tmp_path: Path) -> None:
    with serving(box, systemd, tmp_path, expected={"Mango": 0.9}) as process:
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 1
        assert "vision-serve: failed: it gives wrong answers: golden/papaya.jpg: expected Papaya first" in said
    systemd.channel.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.hear("READY=1")
    assert any(word.startswith("STATUS=failed: it gives wrong answers") for word in systemd.heard)


def test_it_ends_when_predictions_stop_though_the_process_lives(box: Box, systemd: Systemd, tmp_path: Path) -> None:
    # The first answer makes it ready; after two more its workers hang.
    with serving(box, systemd, tmp_path, watchdog=5, hang_after=3) as process:
        systemd.hear("READY=1")
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 1
        assert "no prediction succeeded for 4 s: a prediction: HTTP 503, no worker is available" in said


def test_it_ends_when_java_ends(box: Box, systemd: Systemd, tmp_path: Path) -> None:
    with serving(box, systemd, tmp_path) as process:
        systemd.hear("READY=1")
        os.kill(json.loads(box.paths.server_state.read_text())["java"], signal.SIGKILL)
        assert process.wait(30) == 1


def test_with_nothing_to_serve_a_new_start_would_not_help(box: Box) -> None:
    done = subprocess.run(box.command("serve"), env=box.environment, capture_output=True, text=True)
    assert done.returncode == 78
    assert "no release was ever confirmed" in done.stderr and "Traceback" not in done.stderr


def test_its_files_are_for_its_user_only(box: Box, systemd: Systemd, tmp_path: Path) -> None:
    with serving(box, systemd, tmp_path):
        systemd.hear("READY=1")
        modes = {
            path.name: oct(path.stat().st_mode & 0o777) for path in (box.paths.private, box.paths.inference_header)
        }
        assert modes == {"private": "0o700", "inference.header": "0o640"}
        words = box.paths.inference_header.read_text()
        assert words.startswith("Authorization: Bearer inference-")
