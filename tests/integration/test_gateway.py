"""The gateway before a real TorchServe: what TorchServe's own front end does wrongly reaches no client."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image

from common.server.drain import wait_until_idle
from common.server.torchserve import Management
from kit.serving import state
from kit.serving.state import ServerState
from tests.conftest import RunScript
from tests.integration.places import Place, wait_for
from tests.ports import free_port

MB = 1 << 20


class GatewayPlace:
    """A server with its gateway, and a key for it."""

    def __init__(self, place: Place, run_script: RunScript, tls: bool = False) -> None:
        self.place, self._run_script = place, run_script
        self.address = f"http{'s' if tls else ''}://127.0.0.1:{free_port()}"
        started = place.server("start", GATEWAY=self.address)
        assert started.returncode == 0, started.stderr
        self.words = started.stdout
        self.state = self.running()
        self.key = self.make_key("till-1")

    def running(self) -> ServerState:
        found = state.running(self.place.run)
        assert found
        return found

    def script(self, name: str, *arguments: str, **variables: str) -> str:
        done = self._run_script(name, *arguments, env=self.place.environment | variables)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def make_key(self, name: str) -> str:
        made = self.script("key", "key", NAME=name)
        assert made.startswith("Authorization: Bearer vs_")
        return made.split()[2]

    def client(self, key: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60, trust_env=False, verify=False)  # noqa: S501

    @property
    def predict(self) -> str:
        return f"/predictions/{self.state.models[0].name}"

    @property
    def management(self) -> Management:
        return Management(self.state.management, self.place.run.management_header)

    @property
    def java(self) -> psutil.Process:
        java = self.running().process()
        assert java
        return java


@pytest.fixture
def front(place: Place, run_script: RunScript) -> GatewayPlace:
    return GatewayPlace(place, run_script)


@pytest.fixture(scope="module")
def shared(
    archive_root: Path, tmp_path_factory: pytest.TempPathFactory, run_script: RunScript
) -> Iterator[GatewayPlace]:
    """One for the tests that leave it as they find it."""
    place = Place(tmp_path_factory.mktemp("gateway"), run_script, "onprem")
    shutil.copytree(archive_root / "onprem", place.build.folder, ignore=shutil.ignore_patterns("run"))
    yield GatewayPlace(place, run_script)
    place.server("stop")


@contextmanager
def load(front: GatewayPlace, clients: int = 4) -> Iterator[Counter[int]]:
    """Clients that ask all the time; how often each status came, -1 for a connection that broke."""
    counts: Counter[int] = Counter()
    end, picture = threading.Event(), front.place.picture()

    def ask() -> None:
        with front.client() as client:
            while not end.is_set():
                try:
                    answer = client.post(front.predict, content=picture)
                    counts[answer.status_code] += 1
                    if answer.status_code == 503:
                        time.sleep(float(answer.headers["Retry-After"]) / 10)
                except httpx.HTTPError:
                    counts[-1] += 1

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: counts[200] > 10)
        yield counts
        before = counts[200]
        wait_for(lambda: counts[200] > before + 10)
    finally:
        end.set()
        for thread in threads:
            thread.join()


def test_a_client_s_whole_life(front: GatewayPlace) -> None:
    assert f"gateway      {front.address}" in front.words
    with front.client() as client:
        answer = client.post(f"{front.predict}?topk=2", content=front.place.picture())
        assert answer.status_code == 200
        assert len(answer.json()) == 2
        assert client.get("/health").json()["status"] == "ready"
        assert client.get("/status").json()["about"]["precision"] == "int8, for torch"
        assert client.get("/").text.startswith("<!doctype html>")
    listed = json.loads(front.script("key", "list", JSON="1"))
    assert [key["name"] for key in listed["keys"]] == ["till-1"]
    front.script("key", "key", REVOKE="till-1")
    time.sleep(1)
    with front.client() as client:
        assert client.post(front.predict, content=front.place.picture()).status_code == 401
    shown = json.loads(front.script("server", "status", JSON="1"))
    assert shown["gateway"]["url"] == front.address
    gateway = front.running().gateway_process()
    assert gateway
    nginx = [gateway, *gateway.children()]
    front.script("server", "stop")
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in nginx)
    assert {path.name for path in front.place.run.gateway.iterdir()} == {"logs"}
    # The key's name is free again, and the keys outlive the server.
    front.script("key", "key", NAME="till-1")


def test_a_form_that_ends_java_does_not_reach_it(shared: GatewayPlace) -> None:
    java = shared.java
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(picture, "JPEG")
    large = picture.getvalue() + bytes(15_600_000)
    with shared.client() as client:
        for _ in range(4):
            answer = client.post(shared.predict, files={"image": large})
            assert answer.status_code == 200, answer.text
        refused = client.post(shared.predict, files={"image": bytes(17_000_000)})
    assert refused.status_code == 413
    assert "larger than 16777216 bytes" in refused.json()["message"]
    assert shared.java.pid == java.pid


def test_half_sent_bodies_cost_java_nothing(shared: GatewayPlace) -> None:
    before = shared.java.memory_info().rss
    port = int(shared.address.rpartition(":")[2])
    for head in (
        f"POST {shared.predict} HTTP/1.1\r\nHost: a\r\nContent-Length: 16000000\r\n\r\n",
        f"POST {shared.predict} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {shared.key}\r\n"
        "Content-Length: 8000000\r\n\r\n",
    ):
        with ExitStack() as stack:
            for _ in range(100):
                half = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                half.settimeout(5)
                with suppress(OSError):  # without a key it is hung up on
                    half.sendall(head.encode() + bytes(4_000_000))
            with shared.client() as client:
                assert client.post(shared.predict, content=shared.place.picture()).status_code == 200
    assert shared.java.memory_info().rss - before < 50 * MB


def test_what_torchserve_answers_without_a_token_is_not_there(shared: GatewayPlace) -> None:
    with httpx.Client(base_url=shared.address, trust_env=False) as nobody:
        assert nobody.get("/metrics").status_code == 401
        assert nobody.get("/api-description").status_code == 404
        assert nobody.options("/").status_code == 403
        assert nobody.get("/models").status_code == 404


def test_keys_and_another_version_of_the_model_change_under_load_and_no_request_fails(front: GatewayPlace) -> None:
    management, model = front.management, front.state.models[0].name
    front.script("archive", MODEL_VERSION="2.0")
    shutil.copy(front.place.build.archive(model), front.place.run.model_store / "second.mar")
    with load(front) as counts, front.client() as client:
        for number in range(5):
            front.make_key(f"passing-{number}")
            front.script("key", "key", REVOKE=f"passing-{number}")
        management.register("second.mar", 2)
        management.set_default(model, "2.0")
        wait_until_idle(management, model, "1.0", 30, print)
        management.unregister(model, "1.0")
        wait_for(lambda: client.get("/health").json()["version"] == "2.0")
    assert set(counts) == {200}, counts


def test_a_certificate_is_renewed_under_load_and_no_request_fails(place: Place, run_script: RunScript) -> None:
    front = GatewayPlace(place, run_script, tls=True)
    certificate = Path(place.environment["XDG_CONFIG_HOME"]) / "vision-serve" / "certificate"
    with load(front) as counts:
        before = (certificate / "certificate.pem").read_bytes()
        for file in certificate.iterdir():
            file.unlink()
        said = run_script("certificates", env=place.environment)
        assert said.returncode == 0, said.stderr
        assert "the running gateway shows it" in said.stderr
        assert (certificate / "certificate.pem").read_bytes() != before
    assert set(counts) == {200}, counts


def test_a_worker_that_is_killed_under_load_shows_as_come_again(shared: GatewayPlace) -> None:
    with load(shared) as counts:
        os.kill(shared.management.workers(shared.state.models[0].name)[0]["pid"], signal.SIGKILL)
        time.sleep(3)
    assert set(counts) <= {200, 503}, counts


def test_a_java_that_died_is_told_as_it_is(front: GatewayPlace) -> None:
    front.java.kill()
    with front.client() as client:
        wait_for(lambda: client.get("/health").status_code == 503)
        answer = client.post(front.predict, content=front.place.picture())
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    again = front.place.server("start", GATEWAY=front.address)
    assert again.returncode == 0, again.stderr
    with front.client() as client:
        assert client.post(front.predict, content=front.place.picture()).status_code == 200


@pytest.mark.parametrize(
    ("variables", "words", "status"),
    [
        ({"GATEWAY": "yes"}, "yes is not an address for a gateway to listen at", 2),
        ({"GATEWAY": "1", "CLIENT_CA": "ca.pem"}, "CLIENT_CA wants TLS", 2),
        ({"GATEWAY": "https://127.0.0.1:1", "CERTIFICATE": "a.pem"}, "CERTIFICATE and PRIVATE_KEY belong together", 2),
        (
            {"GATEWAY": "https://127.0.0.1:9", "CERTIFICATE": "/none.pem", "PRIVATE_KEY": "/none.key"},
            "CERTIFICATE=/none.pem cannot be read",
            2,
        ),
        ({"GATEWAY": "1", "NGINX": "/bin/false"}, "the gateway did not start", 1),
        ({"GATEWAY": "1", "NGINX": "no-such-program"}, "NGINX=no-such-program is no program", 2),
    ],
)
def test_what_is_wrong_with_a_gateway_is_said_and_nothing_runs(
    place: Place, variables: dict[str, str], words: str, status: int
) -> None:
    if variables["GATEWAY"] == "1":
        variables = variables | {"GATEWAY": f"127.0.0.1:{free_port()}"}
    refused = place.server("start", **variables)
    assert words in refused.stderr
    assert refused.returncode == status
    assert "Traceback" not in refused.stderr
    assert place.processes() == []


def test_a_port_that_is_taken_is_named(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = place.server("start", GATEWAY=f"127.0.0.1:{port}")
    assert refused.returncode == 1
    assert f"port {port} (GATEWAY) is taken by" in refused.stderr
