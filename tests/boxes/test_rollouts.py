"""Good releases: the first installation, an upgrade, the way back, and a model changed under load."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.faults import Record
from tests.boxes.releases import Release
from tests.boxes.shop import Shop, ask, forget, header, mismatch, predict
from tests.boxes.workstation import Outcome

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes


def test_a_bare_box_is_installed_from_the_bundle_and_answers_from_outside(
    installed: tuple[Shop, Outcome], shop: Shop, fault: BeginFault
) -> None:
    tried = fault("none: first installation on a bare box")
    box = installed[1].box("box-1")
    assert box["kind"] == "changed"
    assert box["running"] == shop.first.name
    with shop.session.network.entered():
        for golden in shop.golden:
            assert mismatch(shop.boxes[0], golden) == ""
    tried.came = f"installed from the wheels in {sum(box['steps'].values()):.0f} s, {box['bytes'] / 1e6:.0f} MB sent"


def test_the_address_answers_nothing_without_the_token(shop: Shop) -> None:
    with shop.session.network.entered(), pytest.raises(httpx.HTTPStatusError):
        predict(shop.boxes[0], shop.golden[0].picture, {})


def test_an_upgrade_with_a_restart_goes_canary_first_and_a_rollback_takes_it_back(
    shop: Shop, restarting: Release, fault: BeginFault, record: Record
) -> None:
    tried = fault("none: upgrade in waves, then rollback")
    done = shop.workstation.deploy(restarting, shop.names, waves=[1, 2])
    assert done.status == 0, done.said
    assert {box["how"] for box in done.document["boxes"]} == {"restart"}
    assert set(shop.all_running().values()) == {restarting.name}
    record.keep_steps(done.document["boxes"])
    back = shop.workstation.rollback(shop.names, waves=[1, 2])
    assert back.status == 0, back.said
    assert set(shop.all_running().values()) == {shop.first.name}
    record.keep_steps(back.document["boxes"])
    away = max(box["downtime_seconds"] for box in done.document["boxes"])
    tried.came = f"upgraded, each away up to {away:.0f} s; rolled back"


def test_a_model_alone_is_changed_under_load_without_one_failed_request(
    shop: Shop, second: Release, fault: BeginFault, record: Record
) -> None:
    tried = fault("none: model-only change under load")
    load = Load(shop)
    with load:
        done = shop.workstation.deploy(second, shop.names, waves=[1, 2])
    assert done.status == 0, done.said
    assert {box["how"] for box in done.document["boxes"]} == {"hot"}
    assert load.failures == []
    assert load.answered > 20
    assert set(shop.all_running().values()) == {second.name}
    record.keep_steps(done.document["boxes"])
    tried.came = f"0 of {load.answered} requests failed"


@pytest.mark.thorough
def test_a_model_alone_costs_at_most_a_tenth_more_than_its_archive_on_the_wire(
    shop: Shop, second: Release, fault: BeginFault
) -> None:
    tried = fault("none: model-only change, bytes counted on the cable")
    box = shop.boxes[2]
    forget(box, second)
    before = shop.session.network.received_bytes(box.name)
    done = shop.workstation.deploy(second, [box.name])
    sent = shop.session.network.received_bytes(box.name) - before
    assert done.status == 0, done.said
    assert second.archive_bytes <= sent <= 1.1 * second.archive_bytes
    tried.came = f"{sent / second.archive_bytes:.3f} × the .mar, ssh and TCP included"


@pytest.mark.thorough
def test_a_release_for_torch_takes_the_place_of_one_for_onnx_runtime_and_is_taken_back(
    shop: Shop, for_torch: Release, fault: BeginFault, record: Record
) -> None:
    tried = fault("none: upgrade to the other runtime, then rollback")
    box = shop.boxes[2]
    done = shop.workstation.deploy(for_torch, [box.name])
    assert done.status == 0, done.said
    assert (done.box(box.name)["how"], shop.running(box)) == ("restart", for_torch.name)
    record.keep_steps(done.document["boxes"])
    back = shop.workstation.rollback([box.name])
    assert back.status == 0, back.said
    assert shop.running(box) == shop.first.name
    tried.came = f"upgraded, {done.box(box.name)['bytes'] / 1e6:.0f} MB sent; rolled back"


def test_what_runs_already_is_left_alone(shop: Shop) -> None:
    started = ask(shop.boxes[0], "status")["since"]
    done = shop.workstation.deploy(shop.first, shop.names)
    assert done.status == 0, done.said
    assert {box["kind"] for box in done.document["boxes"]} == {"unchanged"}
    assert ask(shop.boxes[0], "status")["since"] == started


class Load:
    """One client for each box that asks without a pause; every request that fails is kept."""

    def __init__(self, shop: Shop) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self._shop = shop
        self._ending = threading.Event()
        self._headers = {box.name: header(box) for box in shop.boxes}
        self._clients = [threading.Thread(target=self._client, args=(box,)) for box in shop.boxes]

    def __enter__(self) -> Load:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ending.set()
        for client in self._clients:
            client.join()

    def _client(self, box: Box) -> None:
        golden = self._shop.golden[0]
        with self._shop.session.network.entered():
            while not self._ending.is_set():
                try:
                    wrong = golden.mismatch(predict(box, golden.picture, self._headers[box.name]))
                    self.answered += 1
                except Exception as error:  # whatever a client can see
                    wrong = f"{type(error).__name__}: {error}"
                if wrong:
                    self.failures.append(f"{box.name}: {wrong}")
                time.sleep(0.05)
