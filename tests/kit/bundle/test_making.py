"""Bundles made whole, of small wheels: what is in them, the same bytes each time, and what changes with what."""

import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common import manifest_reading as boxes
from common.durable import sha256
from common.errors import KitError, UsageError
from common.manifest import Manifest
from kit.archive.making import archive
from kit.bundle import making, reading, tarball
from tests.kit.bundle.conftest import X86, Workstation, open_workstation
from tests.kit.bundle.parts import make_wheel
from tests.signers import allowed_signers_line


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def bundles(workstation: Workstation) -> list[Path]:
    return sorted(workstation.profile.build.bundles.glob("*"))


def make(workstation: Workstation) -> Manifest:
    done = making.bundle(workstation.profile, X86, workstation.key)
    return reading.read(workstation.profile.build.bundles / done["file"]).manifest


def test_it_says_what_it_made(workstation: Workstation) -> None:
    done = making.bundle(workstation.profile, X86, workstation.key)
    (file,) = bundles(workstation)
    assert file.name == done["file"] == f"{done['release']}-linux_x86_64-py3.11.bundle"
    assert re.fullmatch(r"tiny-1\.0-[0-9a-f]{8}", done["release"])
    assert (done["sha256"], done["size"], done["wheels"]) == (sha256(file), file.stat().st_size, 5)
    assert done["signed_by"].startswith("SHA256:")


def test_the_box_finds_everything_in_it(made: Path) -> None:
    read = boxes.parse(reading.read(made).manifest.content)
    assert {part.role for part in read.parts} == set(boxes.ROLES)
    assert read.pip == "pip-26.3-py3-none-any.whl"
    assert (read.model.name, read.model.archive, read.model.precision) == ("tiny", "tiny.mar", "fp32")
    assert read.gate.p95_ms == 2000
    assert read.server.workers == 1


def test_another_folder_umask_and_day_give_the_same_bytes(
    first_workstation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number, (name, mask) in enumerate({"here": 0o022, "a longer way, [off]": 0o077}.items()):
        with umask(mask):
            shutil.copytree(first_workstation, tmp_path / name)
            for path in (tmp_path / name).rglob("*"):
                os.utime(path, (1e9 * (number + 1),) * 2)
            workstation = open_workstation(tmp_path / name, monkeypatch)
            done = making.bundle(workstation.profile, X86, workstation.key)
            found.append((done, (workstation.profile.build.bundles / done["file"]).read_bytes()))
    assert found[0] == found[1]


def test_the_tar_holds_nothing_of_the_machine_that_made_it(made: Path) -> None:
    with tarfile.open(made, "r:") as tar:
        members = tar.getmembers()
    assert [member.name for member in members[:3]] == ["manifest.json", "manifest.json.sig", "box.pyz"]
    blobs = [member.name for member in members[3:]]
    assert blobs == sorted(set(blobs))
    about = {(each.mode, each.mtime, each.uid, each.gid, each.uname, each.gname, each.type) for each in members}
    assert about == {(0o644, 0, 0, 0, "", "", tarfile.REGTYPE)}


def test_another_version_of_the_model_changes_only_what_is_the_models(workstation: Workstation) -> None:
    before = make(workstation)
    archive(workstation.profile, "", "2.0")
    after = make(workstation)
    changed = {part.path for part in after.parts} - {part.path for part in before.parts if part in after.parts}
    assert changed == {"tiny.mar", "sbom.cdx.json"}
    assert after.runtime_id == before.runtime_id
    assert after.release.startswith("tiny-2.0-")


def test_another_wheel_is_another_runtime(workstation: Workstation) -> None:
    before = make(workstation)
    make_wheel(workstation.wheels[1].parent, workstation.wheels[1].name, "License-Expression: Zlib")
    after = make(workstation)
    assert after.runtime_id != before.runtime_id
    assert after.release != before.release


def test_a_damaged_bundle_is_not_left_behind(workstation: Workstation, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tarball.write

    def with_a_flipped_bit(file: Path, *rest: object) -> None:
        whole(file, *rest)  # type: ignore[arg-type]
        written = reading.read(file)
        part = max(written.manifest.parts, key=lambda part: part.size)
        content = bytearray(file.read_bytes())
        content[written.offsets[part.sha256] + part.size // 2] ^= 1  # not between two files, where nobody reads
        file.write_bytes(content)

    monkeypatch.setattr(tarball, "write", with_a_flipped_bit)
    with pytest.raises(KitError, match="is not a whole bundle"):
        making.bundle(workstation.profile, X86, workstation.key)
    assert bundles(workstation) == []


def test_without_a_key_nothing_is_fetched_or_made(workstation: Workstation, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_early(*_: object) -> list[Path]:
        raise AssertionError("the key is looked at before a download of minutes")

    monkeypatch.setattr(making, "fetch", too_early)
    with pytest.raises(UsageError, match="the file that KEY names does not exist"):
        making.bundle(workstation.profile, X86, workstation.folder / "none")
    assert bundles(workstation) == []


def test_a_key_that_cannot_sign_leaves_no_bundle(workstation: Workstation) -> None:
    Path(workstation.key).write_text("rubbish")
    with pytest.raises(KitError, match="cannot sign"):
        making.bundle(workstation.profile, X86, workstation.key)
    assert bundles(workstation) == []


def test_the_signature_is_the_operators(workstation: Workstation, tmp_path: Path) -> None:
    done = making.bundle(workstation.profile, X86, workstation.key)
    (tmp_path / "signers").write_text(allowed_signers_line(workstation.key, "operator"))
    read = reading.read(workstation.profile.build.bundles / done["file"], tmp_path / "signers")
    assert read.signed_by == f"operator, {done['signed_by']}"


def test_a_bundle_of_several_models_says_what_each_needs(shop: Workstation) -> None:
    read = make(shop)
    shelf, produce = read.models
    assert read.words == "shelf 1.0, produce 1.0"
    assert (shelf.server.workers, produce.server.workers) == (1, 2)
    assert (shelf.gate.p95_ms, produce.gate.p95_ms) == (500, 2000)
    assert shelf.gate.memory_mb == produce.gate.memory_mb
    assert (shelf.model.archive, produce.model.archive) == ("shelf.mar", "produce.mar")
    assert produce.golden[0].file.startswith("golden/produce/")
    assert shelf.gateway and produce.gateway and (shelf.gateway.in_flight, produce.gateway.in_flight) == (8, 8)
    assert list(read.server.command)[-3:] == ["-m", "{archive}", "{archive_1}"]
    paths = {part.path for part in read.parts}
    assert {"shelf.mar", "produce.mar", "config/models.yaml", shelf.golden[0].file, produce.golden[0].file} <= paths


def test_another_version_of_one_of_them_changes_only_what_is_its_own(shop: Workstation) -> None:
    before = make(shop)
    archive(shop.profile.of_model("produce"), "", "2.0")
    after = make(shop)
    changed = {part.path for part in after.parts} - {part.path for part in before.parts if part in after.parts}
    assert changed == {"produce.mar", "sbom.cdx.json"}
    assert after.words == "shelf 1.0, produce 2.0"
    assert after.release != before.release


def test_models_of_two_runtimes_are_not_for_one_box(shop: Workstation) -> None:
    models = [making.Boxed(one, json.loads(one.build.archive_report.read_text())) for one in shop.profile.models()]
    assert making.runtime_of(models) == "onnx"
    models[1].archive["provenance"]["runtime"] = "torch"
    with pytest.raises(UsageError, match="its models want two: shelf onnx, produce torch"):
        making.runtime_of(models)


def test_one_model_may_leave_its_workers_to_the_machine_and_another_not(shop: Workstation) -> None:
    profile = shop.profile
    config = profile.model_config
    left = [line for line in config.read_text().splitlines() if not line.startswith(("minWorkers", "maxWorkers"))]
    config.write_text("\n".join(left).replace("gate:", "gate:\n  more_worker_mb: 20", 1) + "\n")
    properties = profile.properties.read_text().replace("default_workers_per_model=1\n", "")
    profile.properties.write_text(properties)
    for one in profile.models():
        archive(one, "", "1.0")
    shelf, produce = make(shop).models
    assert (shelf.server.workers, produce.server.workers) == (0, 2)
    assert shelf.gate.more_worker_mb == produce.gate.more_worker_mb == 20
