"""Another signing key, and the old one trusted no more: what a box has confirmed itself it may go back to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.bundle import signing
from tests.boxes.conftest import BeginFault
from tests.boxes.faults import Record
from tests.boxes.releases import CRASHES, Release, Workshop
from tests.boxes.shop import Shop, ask
from tests.boxes.workstation import Workstation

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes


@pytest.fixture(scope="session")
def new_key(workshop: Workshop) -> Workshop:
    """The workshop with another key."""
    return replace(workshop, key=Workshop.make_key(workshop.folder / "new-key"))


def resigned(workshop: Workshop, release: Release, name: str) -> Release:
    return workshop.signed_by(release, signing.sign(release.manifest.content, workshop.key), name)


@pytest.mark.thorough
def test_rollback_and_take_back_work_though_the_key_has_changed(
    shop: Shop, new_key: Workshop, restarting: Release, fault: BeginFault, record: Record
) -> None:
    tried = fault("a new key is trusted and the old one no more; then a take-back, and a rollback")
    trusting = Workstation(shop.session, shop.workstation.folder, new_key.allow(shop.session.folder / "new_signers"))
    bad = resigned(new_key, new_key.variant(restarting, "8.1", CRASHES), "crashes-new-key")
    stopped = trusting.deploy(bad, shop.names, waves=[1, 2])
    assert stopped.status == 1
    assert stopped.document["verdict"] == "taken back"
    assert set(shop.all_running().values()) == {shop.first.name}
    good = resigned(new_key, restarting, "good-new-key")
    done = trusting.deploy(good, shop.names)
    assert done.status == 0, done.said
    back = trusting.rollback(shop.names)
    assert back.status == 0, f"{back.document}\n{back.said}"
    assert set(shop.all_running().values()) == {shop.first.name}
    stranger = new_key.variant(restarting, "8.2")
    old_key = replace(new_key, key=shop.session.folder / "workshop" / "signing")
    refused = trusting.deploy(resigned(old_key, stranger, "never-confirmed"), [shop.names[0]])
    assert refused.status != 0
    told = ask(shop.boxes[0], "activate", stranger.name)
    assert told["ok"] is False
    for box in shop.boxes:  # the other tests sign with the old key
        box.sudo("tee /etc/vision-serve/allowed_signers", stdin=shop.workstation.signers.read_text(encoding="utf-8"))
    tried.came = "all went back to what they had confirmed under the old key; a new release of that key was refused"
