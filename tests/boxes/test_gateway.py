"""A till on the shop's network, and a box's gateway: a key and a certificate from the workstation, through all that
happens to the box.
"""

from __future__ import annotations

import io
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from kit.golden import Golden
from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.releases import Release
from tests.boxes.shop import Shop, ask, wait_until
from tests.boxes.workstation import Workstation

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
PORT = 8443


@dataclass
class Till:
    """It trusts the workstation's authority and has a key. `load` asks without a pause, and counts what it gets."""

    shop: Shop
    box: Box
    workstation: Workstation
    key: str
    model: str = "resnet18"
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def trust(self) -> ssl.SSLContext:
        folder = Path(f"{self.workstation.folder}.settings")
        return ssl.create_default_context(cafile=str(folder / "vision-serve/authority/certificate.pem"))

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        address = f"https://{self.box.address}:{PORT}"
        return httpx.Client(base_url=address, headers=headers, verify=self.trust, timeout=30, trust_env=False)

    def ask(self, golden: Golden) -> httpx.Response:
        with self.shop.session.network.entered(), self.client() as client:
            return client.post(f"/predictions/{self.model}", content=golden.picture.read_bytes())

    def sends(self, picture: bytes) -> int:
        """The status of an answer."""
        with self.shop.session.network.entered(), self.client() as client:
            return client.post(f"/predictions/{self.model}", content=picture).status_code

    def is_answered(self) -> bool:
        try:
            answer = self.ask(self.shop.golden[0])
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and not self.shop.golden[0].mismatch(answer.json())

    def load(self, ending: threading.Event) -> None:
        picture = self.shop.golden[0].picture.read_bytes()
        with self.shop.session.network.entered(), self.client() as client:
            while not ending.is_set():
                try:
                    answer = client.post(f"/predictions/{self.model}", content=picture)
                    again = " with Retry-After" if "Retry-After" in answer.headers else ""
                    self.answers[f"{answer.status_code}{again}"] += 1
                except httpx.TransportError as error:
                    self.answers[f"{type(error).__name__}: {error}"] += 1
                time.sleep(0.05)

    def answers_during(self, deploy: Release) -> Counter[str]:
        """What a client gets while a release is deployed."""
        self.answers, ending = Counter(), threading.Event()
        client = threading.Thread(target=self.load, args=(ending,))
        client.start()
        try:
            done = self.workstation.deploy(deploy, [self.box.name])
        finally:
            ending.set()
            client.join()
        assert done.status == 0, f"{done.document}{done.said}"
        return self.answers


def large_picture() -> bytes:
    """Larger than what nginx keeps in its own memory of an upload."""
    file = io.BytesIO()
    Image.effect_noise((1200, 1200), 100).convert("RGB").save(file, "JPEG", quality=95)
    assert file.tell() > 500_000
    return file.getvalue()


def reported(till: Till) -> dict[str, Any]:
    """What `make report` says of its box: requests and events."""
    (server,) = json.loads(till.workstation.printed("report", [till.box.name], SINCE="1d"))["servers"]
    assert server["error"] == ""
    return {"requests": server["summary"]["requests"], "events": server["events"]}


def assert_confined(box: Box) -> None:
    pid = box.sudo("systemctl show --property=MainPID --value vision-serve-gateway").strip()
    status = dict(line.split(":\t", 1) for line in box.sudo(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1" and int(status["CapEff"], 16) == 0 and status["Seccomp"] == "2"
    assert status["Uid"].split()[0] != "0"
    inside = f"sudo -n nsenter --target {pid} --mount sh -c"
    assert "Read-only" in box.ssh(f"{inside} 'echo x >/opt/vision-serve/releases/x'").stderr
    assert box.ssh(f"{inside} 'ls -A /home'").stdout == ""


@contextmanager
def till_at(shop: Shop, box: Box) -> Iterator[tuple[Till, list[str]]]:
    """The box gets a gateway, as any box does: with a deployment, whose changes are told; and loses it again."""
    workstation = shop.workstation.with_gateway(f"0.0.0.0:{PORT}")
    done = workstation.deploy(shop.first, [box.name])
    assert done.status == 0, f"{done.document}{done.said}"
    header = workstation.printed("key", [box.name], NAME="till-7")
    key = header.strip().removeprefix("Authorization: Bearer ")
    yield Till(shop, box, workstation, key), done.box(box.name)["changes"]
    box.wait_reachable()
    done = shop.workstation.deploy(shop.first, [box.name])
    assert done.status == 0, f"{done.document}{done.said}"


@pytest.fixture
def till(shop: Shop) -> Iterator[Till]:
    """At box 3, which has no certificate before."""
    with till_at(shop, shop.boxes[2]) as (made, changes):
        assert "sent the gateway's certificate: there is none" in changes
        yield made


def test_a_till_is_answered_whatever_happens_to_the_box(
    fault: BeginFault, till: Till, second: Release, restarting: Release
) -> None:
    """`fault` comes first, so that it asks the boxes when the till has gone."""
    tried = fault("a client asks through the gateway: hot swap, restart, power cut, rollback, revoked key")
    box, name = till.box, till.box.name
    assert till.is_answered()
    assert till.sends(large_picture()) == 200
    with till.shop.session.network.entered(), pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{box.address}:8080/ping", trust_env=False)

    hot = till.answers_during(second)
    assert set(hot) == {"200"}
    restart = till.answers_during(restarting)
    assert set(restart) == {"200", "503 with Retry-After"}

    asked = hot.total() + restart.total()
    wait_until(lambda: reported(till)["requests"] >= asked, "all that were asked, those in the restart too", 60)
    before = reported(till)
    assert {"started", "switched"} <= {event["what"] for event in before["events"]}
    with till.shop.session.network.entered(), till.client() as client:
        told = client.get("/metrics").text
    assert 'vision_requests_total{model="resnet18"' in told and "gateway_certificate_end_seconds" in told

    box.power_cycle()
    box.wait_reachable()
    wait_until(till.is_answered, "an answer after the power cut", 240)
    assert till.workstation.doctor(name) == []
    assert_confined(box)
    told = till.workstation.status([name])[name]["gateway"]
    assert told["ready"] and box.address in told["certificate"]["names"]

    wait_until(lambda: reported(till)["requests"] > before["requests"], "a record that outlives a power cut", 60)
    after = reported(till)
    assert len(after["events"]) > len(before["events"])

    back = till.workstation.rollback([name])
    assert back.status == 0, back.said
    assert till.is_answered()
    assert ask(box, "keys")["keys"][0]["name"] == "till-7"
    till.workstation.printed("key", [name], REVOKE="till-7")
    time.sleep(1)
    assert till.ask(till.shop.golden[0]).status_code == 401
    written = box.sudo("find /var/lib/vision-serve/gateway /opt/vision-serve -name '*.log'")
    assert written == "", "its log is in memory"
    tried.came = (
        f"0 of {hot.total()} requests failed in the hot swap; in the restart {restart['200']} were answered and "
        f"{restart['503 with Retry-After']} told to come again"
    )
