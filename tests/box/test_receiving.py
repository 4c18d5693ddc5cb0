"""Nothing gets onto a box but what a trusted key signed, whole and unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from box.system import space
from common.errors import SpaceError
from tests.box.bundles import write_bundle
from tests.box.shop import Box, Key, Release, canonical, make_release


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return make_release("1.0", tmp_path)


def nothing_arrived(box: Box, release: Release) -> None:
    assert not box.paths.release(release.name).exists()
    assert box.ask("status")["releases"] == []


def test_a_second_release_sends_only_what_changed(box: Box, release: Release, tmp_path: Path) -> None:
    box.take(release)
    second = make_release("2.0", tmp_path)
    missing = box.ask("missing", stdin=second.manifest)
    assert [row["sha256"] for row in missing["missing"]] == [second.blob_of("net.mar")]
    assert (missing["have_runtime"], missing["have_release"], missing["enough"]) == (True, False, True)


def test_wheels_are_wanted_where_the_runtime_does_not_stand(bare_box: Box, release: Release) -> None:
    missing = bare_box.ask("missing", stdin=release.manifest)
    assert len(missing["missing"]) == len(release.blobs)
    assert missing["needed_bytes"] > missing["bytes"]


def test_a_flipped_bit(box: Box, release: Release) -> None:
    box.deliver(release)
    digest = release.blob_of("net.mar")
    blob = box.paths.incoming_blobs / digest
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    result = box.refused("receive", release.name)
    assert "damaged" in result["error"] and "net.mar" in result["error"]
    assert result["damaged"] == [digest]
    assert not blob.exists()
    nothing_arrived(box, release)
    box.deliver(release)  # only what is missing is sent again
    box.ask("receive", release.name)
    assert box.ask("status")["releases"] == [release.name]


def test_a_bit_that_the_disk_flipped_is_found_before_a_switch_and_mended(box: Box, release: Release) -> None:
    box.take(release)
    blob = box.paths.blobs / release.blob_of("net.mar")
    blob.write_bytes(blob.read_bytes().replace(b"Papaya", b"Banana"))
    assert "net.mar" in box.refused("activate", release.name)["error"]
    assert "damaged" in box.refused("receive", release.name)["error"]
    box.take(release)
    assert box.ask("activate", release.name)["waiting"] is True


def test_a_key_that_this_box_does_not_know(box: Box, release: Release, tmp_path: Path) -> None:
    box.deliver(release, Key.make(tmp_path, "stranger@elsewhere"))
    result = box.refused("receive", release.name)
    assert "signed by a key that this box does not trust: ED25519 key SHA256:" in result["error"]
    nothing_arrived(box, release)


def test_a_manifest_changed_after_it_was_signed(box: Box, release: Release) -> None:
    box.deliver(release)
    delivered = box.paths.incoming / f"{release.name}.json"
    delivered.write_bytes(delivered.read_bytes().replace(b'"p95_ms": 20000', b'"p95_ms": 9999'))
    assert "the signature does not fit the manifest" in box.refused("receive", release.name)["error"]
    nothing_arrived(box, release)


def test_a_signature_of_something_else(box: Box, release: Release, key: Key) -> None:
    box.deliver(release)
    (box.paths.incoming / f"{release.name}.json.sig").write_bytes(key.sign(b"another manifest"))
    refused = box.refused("receive", release.name)
    assert "the signature does not fit" in refused["error"]
    assert refused["damaged"] == ["manifest.json"], "the workstation sends it once more"
    assert "was not delivered" in box.refused("receive", release.name)["error"]
    box.deliver(release)
    (box.paths.incoming / f"{release.name}.json.sig").write_bytes(b"no signature at all")
    assert "the signature does not fit" in box.refused("receive", release.name)["error"]


def test_a_box_without_signers_trusts_nobody(box: Box, release: Release) -> None:
    box.deliver(release)
    box.paths.allowed_signers.unlink()
    assert "trusts no key yet" in box.refused("receive", release.name)["error"]


def test_a_release_for_another_python(box: Box, tmp_path: Path) -> None:
    release = make_release("1.0", tmp_path, python="3.9")
    box.deliver(release)
    result = box.refused("receive", release.name)
    assert "with Python 3.9; this box is" in result["error"] and "make bundle PLATFORM=" in result["hint"]


def test_a_part_that_never_came(box: Box, release: Release) -> None:
    box.deliver(release)
    (box.paths.incoming_blobs / release.blob_of("golden/papaya.jpg")).unlink()
    result = box.refused("receive", release.name)
    assert "1 parts have not arrived: golden/papaya.jpg" in result["error"]


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "golden/../../x", "manifest.json", "a//b"])
def test_a_path_out_of_the_release(box: Box, release: Release, path: str) -> None:
    document = json.loads(release.manifest)
    document["parts"][0]["path"] = path
    bad = Release(document, release.blobs)
    assert box.run("missing", stdin=bad.manifest)[0] == 1
    box.paths.incoming.joinpath(f"{release.name}.json").write_bytes(canonical(document))
    box.paths.incoming.joinpath(f"{release.name}.json.sig").write_bytes(box.key.sign(canonical(document)))
    assert "cannot read the manifest" in box.refused("receive", release.name)["error"]


def test_too_little_space_is_said_with_figures_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(space, "free_bytes", lambda _: 100_000_000)
    with pytest.raises(SpaceError, match=r"needs 200 MB and 64 MB are to stay free, but .* has 100 MB free") as caught:
        space.require(tmp_path, 200_000_000, "the runtime")
    assert caught.value.hint.startswith("free 164 MB")


def test_a_disk_that_fills_up_in_the_middle_is_said_with_figures(tmp_path: Path) -> None:
    expected = pytest.raises(SpaceError, match=r"the disk filled up during the unpacking: .* are free")
    with expected, space.explained(tmp_path, "the unpacking"):
        raise OSError(28, "No space left on device")


def test_a_bundle_on_a_stick(box: Box, release: Release, tmp_path: Path) -> None:
    stick = tmp_path / "it.bundle"
    write_bundle(stick, release, box.key)
    signers = tmp_path / "signers"
    signers.write_text(box.key.allowed_signers)
    box.paths.allowed_signers.unlink()
    assert "trusts no key yet" in box.refused("install", str(stick))["error"]
    result = box.ask("install", str(stick), "--signers", str(signers))
    assert (result["confirmed"], result["waiting"], result["release"]) == (True, False, release.name)
    assert box.answers_with() == "1.0"


def test_a_bundle_cut_short(box: Box, release: Release, tmp_path: Path) -> None:
    stick = tmp_path / "it.bundle"
    write_bundle(stick, release, box.key)
    stick.write_bytes(stick.read_bytes()[:-20_000])
    assert "is not a whole bundle" in box.refused("install", str(stick))["error"]
