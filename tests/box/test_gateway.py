"""The gateway on a box: a real nginx that follows the release, with keys and a certificate that outlive it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from box.gateway import nginx
from common.gateway import keys
from kit.gateway import certificates
from tests.box.shop import EXPECTED, PICTURE, Box, Release, make_release, wait_for
from tests.ports import free_port


@dataclass
class Till:
    """A client on the shop's network."""

    box: Box
    port: int
    key: str
    scheme: str = "http"

    def ask(self, model: str = "net") -> httpx.Response:
        with httpx.Client(verify=False, trust_env=False, timeout=20) as client:  # noqa: S501 (what is asked is the way)
            return client.post(
                f"{self.scheme}://127.0.0.1:{self.port}/predictions/{model}",
                content=PICTURE,
                headers={"Authorization": f"Bearer {self.key}"},
            )

    def is_open(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def health(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(f"{self.scheme}://127.0.0.1:{self.port}/health", verify=False, trust_env=False)  # noqa: S501
        return answer.status_code, answer.json()


def front(box: Box, scheme: str = "http") -> Till:
    """Ask for a gateway, and make a key as the workstation does."""
    port = free_port()
    box.ask("provision", "--gateway", f"{scheme}://127.0.0.1:{port}")
    return Till(box, port, give_key(box, "till-7"), scheme)


def give_key(box: Box, name: str) -> str:
    text, row = keys.new(name, None)
    box.ask("change-keys", stdin=json.dumps({"add": {keys.sha256(text): row}}).encode())
    return text


def certificate(names: list[str]) -> bytes:
    pair = certificates.issue(certificates.new_authority(), names)
    told = {"certificate": pair.certificate.decode(), "key": pair.key.decode(), "client_ca": None, "authority": "a1"}
    return json.dumps(told | {"ends": pair.ends.timestamp(), "names": pair.names}).encode()


NO_CERTIFICATE = {"certificate": "x", "key": "y", "client_ca": "", "ends": "never", "names": [], "authority": ""}


@pytest.fixture
def till(box: Box) -> Iterator[Till]:
    yield front(box)


def release(version: str, folder: Path, **options: Any) -> Release:
    return make_release(version, folder, gateway=True, **options)


def test_a_client_with_a_key_is_answered_and_one_without_is_not(till: Till, tmp_path: Path) -> None:
    till.box.deploy(release("1.0", tmp_path))
    assert till.ask().json() == EXPECTED
    till.key = "vs_another"
    assert till.ask().status_code == 401
    status = till.box.ask("status")["gateway"]
    assert status == {
        "address": f"127.0.0.1:{till.port}",
        "tls": False,
        "ready": True,
        "why_not": None,
        "names": [],
        "certificate": None,
    }


def test_a_revoked_key_ends_within_a_second(till: Till, tmp_path: Path) -> None:
    till.box.deploy(release("1.0", tmp_path))
    assert [row["name"] for row in till.box.ask("keys")["keys"]] == ["till-7"]
    till.box.ask("change-keys", stdin=b'{"revoke": ["till-7"]}')
    time.sleep(0.6)
    assert till.ask().status_code == 401
    assert till.box.ask("keys")["keys"] == []
    assert till.box.ask("change-keys", stdin=b'{"revoke": ["till-7"]}')["changed"] == []


def test_keys_outlive_an_upgrade_a_rollback_and_a_power_cut(till: Till, tmp_path: Path) -> None:
    box = till.box
    box.deploy(release("1.0", tmp_path))
    process = nginx.of(box.paths).pid()
    box.deploy(release("2.0", tmp_path))  # hot, beside the old one
    assert till.ask().status_code == 200
    wait_for(lambda: till.health()[1]["version"] == "2.0", 10)
    box.ask("rollback")
    box.ask("confirm", str(box.ask("status")["on_trial"]))
    assert till.ask().status_code == 200
    assert nginx.of(box.paths).pid() == process, "it was reloaded, not started anew"
    box.reboot()
    box.ask("recover", "--start")
    wait_for(till.is_open, 10)  # nginx was started, and nothing at boot waits for it
    assert till.health()[0] == 503, "it tells clients to come again while the server is not there"


def test_while_the_server_restarts_clients_are_told_to_come_again(till: Till, tmp_path: Path) -> None:
    box = till.box
    box.deploy(release("1.0", tmp_path))
    os.kill(json.loads(box.paths.server_state.read_text())["java"], 9)
    wait_for(lambda: till.ask().status_code == 503, 10)
    answer = till.ask()
    assert answer.headers["Retry-After"] == "1"
    wait_for(lambda: till.health()[0] == 503, 10)
    box.deploy(release("2.0", tmp_path, config="another\n"))
    assert till.ask().status_code == 200


def test_a_wrong_answer_is_no_health(till: Till, tmp_path: Path) -> None:
    box = till.box
    box.deploy(release("1.0", tmp_path))
    assert till.health() == (
        200,
        {
            "status": "ready",
            "model": "net",
            "version": "1.0",
            "models": [{"name": "net", "version": "1.0", "ready": True}],
        },
    )
    box.paths.verdict.write_text(json.dumps({"ready": False, "why": "it gives wrong answers", "version": "1.0"}))
    wait_for(lambda: till.health()[0] == 503, 10)
    assert till.health()[1]["why"] == "it gives wrong answers"


def test_a_release_that_a_client_could_not_reach_goes_back(till: Till, tmp_path: Path) -> None:
    """The gateway is part of the gate: here another program has its port."""
    box = till.box
    first = release("1.0", tmp_path)
    box.deploy(first)
    nginx.of(box.paths).stop()
    second = release("2.0", tmp_path)
    box.take(second)
    with socket.create_server(("127.0.0.1", till.port)):
        failed = box.refused("activate", second.name)
    assert "the gateway was not ready after" in failed["error"], failed
    assert "failed (98: Address" in failed["error"]
    assert box.ask("status")["release"] == first.name


def test_tls_with_the_workstation_s_certificate_and_its_renewal(box: Box, tmp_path: Path) -> None:
    till = front(box, "https")
    box.deploy(release("1.0", tmp_path))
    told = box.ask("status")["gateway"]
    assert told["why_not"] == "it has no certificate: make certificates HOSTS=… on the workstation"
    assert "localhost" in told["names"]
    assert box.ask("certificate", stdin=certificate(["localhost", "127.0.0.1"]))["changed"]
    wait_for(lambda: nginx.of(box.paths).pid() > 0, 10)
    wait_for(lambda: box.ask("status")["gateway"]["ready"], 10)
    assert till.ask().json() == EXPECTED
    process, renewed = nginx.of(box.paths).pid(), certificate(["localhost", "shelf-01"])
    assert box.ask("certificate", stdin=renewed)["changed"]
    assert not box.ask("certificate", stdin=renewed)["changed"]
    assert box.ask("status")["gateway"]["certificate"]["names"] == ["localhost", "shelf-01"]
    assert nginx.of(box.paths).pid() == process
    assert till.ask().status_code == 200


def test_an_end_that_nobody_looked_after_is_a_finding(box: Box, tmp_path: Path) -> None:
    front(box, "https")
    told = json.loads(certificate(["localhost"])) | {"ends": time.time() + 86400}
    box.ask("certificate", stdin=json.dumps(told).encode())
    box.deploy(release("1.0", tmp_path))
    found = [row["message"] for row in box.run("doctor")[1][-1]["findings"]]
    assert any(message.startswith("the gateway's certificate ends on ") for message in found), found


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("change-keys", b"no JSON"),
        ("change-keys", b"[]"),
        ("change-keys", b'{"add": {"../../etc/passwd": {"name": "x", "made": 1, "rate": null}}}'),
        ("change-keys", json.dumps({"add": {"0" * 64: {"name": "../x", "made": 1, "rate": None}}}).encode()),
        ("change-keys", json.dumps({"add": {"0" * 64: "x"}}).encode()),
        ("change-keys", json.dumps({"add": {"0" * 64: keys.new("x", None)[1] | {"models": ["../x"]}}}).encode()),
        ("change-keys", json.dumps({"add": {"0" * 64: keys.new("x", None)[1] | {"models": [7]}}}).encode()),
        ("certificate", b'{"certificate": "x"}'),
        (
            "certificate",
            b'{"certificate": "x", "key": "y", "client_ca": "", "ends": "never", "names": [], "authority": ""}',
        ),
    ],
)
def test_what_is_no_key_and_no_certificate_is_refused(box: Box, verb: str, told: bytes) -> None:
    status, lines = box.run(verb, stdin=told)
    assert status == 2 and lines[-1]["error"]
    assert not box.paths.gateway_keys.exists() and not box.paths.gateway_certificate.exists()


def test_a_torchserve_that_faces_the_network_is_a_finding(box: Box, tmp_path: Path) -> None:
    box.deploy(release("1.0", tmp_path))
    box.ask("provision", "--address", f"http://0.0.0.0:{box.port}")
    found = [row["message"] for row in box.run("doctor")[1][-1]["findings"]]
    assert any(message.startswith("TorchServe itself faces the network at http://0.0.0.0:") for message in found), found


def test_torchserve_faces_no_network_beside_its_gateway(box: Box) -> None:
    status, lines = box.run("provision", "--address", "http://0.0.0.0:8080", "--gateway", "0.0.0.0:8443")
    assert status == 2
    assert "TorchServe may be reached from this box alone" in lines[-1]["error"]


def test_a_release_of_an_older_kit_has_none_and_says_so(till: Till, tmp_path: Path) -> None:
    old = make_release("1.0", tmp_path)
    till.box.deploy(old)
    told = till.box.ask("status")
    assert told["answers"]
    assert told["gateway"]["why_not"] == f"{old.name} was bundled before there was one: deploy a newer bundle"


def test_it_is_switched_off_again(till: Till, tmp_path: Path) -> None:
    box = till.box
    first = release("1.0", tmp_path)
    box.deploy(first)
    box.ask("provision", "--gateway", "0")
    box.ask("activate", first.name)
    assert nginx.of(box.paths).pid() == 0
    assert box.ask("status")["gateway"] is None
