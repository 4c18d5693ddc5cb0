"""Bundles that a box must not take, and a disk that cannot take one. What runs is never touched."""

from __future__ import annotations

import pytest

from kit.bundle import reading, signing
from tests.boxes.box import Box
from tests.boxes.conftest import BeginFault
from tests.boxes.releases import Release, Workshop
from tests.boxes.shop import FILLER, Shop, ask, forget

pytestmark = pytest.mark.timeout(1800)  # whichever test comes first makes the boxes
INCOMING = "/opt/vision-serve/incoming"


def carry(box: Box, release: Release) -> str:
    """The bundle on a stick: the file lies in the box, where `box.pyz install` takes it. Its path there."""
    place = box.disk.root / "home/pi" / release.file.name
    place.write_bytes(release.file.read_bytes())
    return f"/home/pi/{release.file.name}"


def test_a_bundle_with_a_flipped_bit_is_refused_at_the_workstation_and_on_the_box(
    shop: Shop, workshop: Workshop, second: Release, fault: BeginFault
) -> None:
    tried = fault("a flipped bit in a bundle")
    digest = next(part.sha256 for part in second.manifest.parts if part.role == "archive")
    damaged = bytearray(second.file.read_bytes())
    damaged[reading.read(second.file).offsets[digest] + 5_000_000] ^= 0x10
    release = Release(workshop.folder / "flipped.bundle")
    release.file.write_bytes(damaged)
    refused = shop.workstation.deploy(release, ["box-1"])
    assert refused.status != 0
    assert "not what was signed" in refused.said + str(refused.document)
    forget(shop.boxes[0], second)  # a box that has the part from elsewhere, whole, does not read it from the bundle
    told = ask(shop.boxes[0], "install", carry(shop.boxes[0], release))
    shop.boxes[0].sudo(f"rm /home/pi/{release.file.name}")
    assert told["ok"] is False
    assert "resnet18.mar" in told["error"]
    assert shop.running(shop.boxes[0]) == shop.first.name
    tried.came = f"refused at the workstation (exit {refused.status}) and on the box: {told['error']}"


@pytest.mark.thorough
def test_a_part_damaged_on_the_way_is_named_deleted_and_sent_again(
    shop: Shop, restarting: Release, fault: BeginFault
) -> None:
    tried = fault("a part that was damaged on the way")
    box = shop.boxes[0]
    part = next(part for part in restarting.manifest.parts if part.role == "archive")
    forget(box, restarting)
    box.sudo(f"tee {INCOMING}/blobs/{part.sha256}", stdin="\0" * part.size)
    done = shop.workstation.deploy(restarting, [box.name])
    assert done.status == 0, done.said
    assert shop.running(box) == restarting.name
    assert done.box(box.name)["bytes"] > part.size
    tried.came = "found by its sha256, deleted, sent again; deployed"


@pytest.mark.thorough
def test_a_bundle_under_another_signature_is_refused(
    shop: Shop, workshop: Workshop, first: Release, second: Release, fault: BeginFault
) -> None:
    tried = fault("a wrong signature")
    signature = reading.read(first.file).signature
    release = workshop.signed_by(second, signature, "misfit")
    refused = shop.workstation.deploy(release, ["box-1"])
    assert refused.status != 0
    assert "signature" in refused.said + str(refused.document)
    told = ask(shop.boxes[0], "install", carry(shop.boxes[0], release))
    shop.boxes[0].sudo(f"rm /home/pi/{release.file.name}")
    assert told["ok"] is False
    assert "signature" in told["error"]
    tried.came = f"refused at the workstation (exit {refused.status}) and on the box: {told['error']}"


@pytest.mark.thorough
def test_a_bundle_signed_by_a_stranger_is_refused(
    shop: Shop, workshop: Workshop, second: Release, fault: BeginFault
) -> None:
    tried = fault("an unknown key")
    stranger = workshop.folder / "stranger"
    if not stranger.exists():
        Workshop.make_key(stranger)
    release = workshop.signed_by(second, signing.sign(second.manifest.content, stranger), "strange")
    refused = shop.workstation.deploy(release, ["box-1"])
    assert refused.status != 0
    assert "does not allow" in refused.said + str(refused.document)
    told = ask(shop.boxes[0], "install", carry(shop.boxes[0], release))
    shop.boxes[0].sudo(f"rm /home/pi/{release.file.name}")
    assert told["ok"] is False
    assert shop.running(shop.boxes[0]) == shop.first.name
    tried.came = f"refused at the workstation (exit {refused.status}) and on the box: {told['error']}"


def test_a_full_disk_refuses_the_release_in_words_and_takes_it_once_there_is_room(
    shop: Shop, restarting: Release, fault: BeginFault
) -> None:
    tried = fault("the disk is full")
    box = shop.boxes[1]
    forget(box, restarting)
    box.ssh(f"sudo dd if=/dev/zero of={FILLER} bs=1M")
    done = shop.workstation.deploy(restarting, [box.name])
    assert done.status == 1, done.said
    error = done.box(box.name)["error"]
    assert "disk" in error or "No space" in error
    assert shop.running(box) == shop.first.name
    box.sudo(f"rm {FILLER}")
    again = shop.workstation.deploy(restarting, [box.name])
    assert again.status == 0, again.said
    tried.came = f"exit 1: {error}; deployed once there was room"
