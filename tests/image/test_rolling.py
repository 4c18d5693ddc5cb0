"""A rolling update and a scale-down by the manifests of config/kubernetes, with real containers under load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.gateway import keys
from tests.image.pods import Client, Service
from tests.image.test_image import golden
from tests.meanwhile import meanwhile

pytestmark = pytest.mark.timeout(900)  # whichever comes first makes the image


@pytest.fixture
def secret(folder: Path) -> Path:
    made = folder / "secret"
    made.mkdir()
    return made


@pytest.fixture
def service(root: Path, folder: Path, secret: Path) -> Iterator[Service]:
    made = Service(root, folder, secret)
    yield made
    made.end()


def test_pods_are_rolled_and_taken_away_without_a_failed_request(service: Service, root: Path, secret: Path) -> None:
    key = keys.add(secret, "till", None)
    old = [service.start(), service.start()]
    for pod in old:
        service.wait_ready(pod)
    clients = [Client(service, key, golden(root)) for _ in range(4)]
    with meanwhile(*(client.run for client in clients)):
        for pod in old:
            new = service.start()
            service.wait_ready(new)
            pod.take_away()
        assert all(pod.is_healthy() for pod in service.pods[2:])
        service.pods[2].take_away()  # and one fewer
        before = sum(client.answered for client in clients)
    assert [failure for client in clients for failure in client.failures] == []
    assert [pod.status for pod in service.pods] == [0, 0, 0, None]
    assert sum(client.answered for client in clients) > before > 200
