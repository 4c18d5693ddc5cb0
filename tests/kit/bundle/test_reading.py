"""Every way in which a bundle can have been changed or cut, found before anything in it is used."""

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from common.durable import sha256
from common.errors import KitError, UsageError
from kit.bundle import reading
from tests.kit.bundle.parts import make_key
from tests.signers import allowed_signers_line

Members = dict[str, bytes]


def members_of(bundle: Path) -> Members:
    with tarfile.open(bundle, "r:") as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def write(members: Members, file: Path) -> Path:
    with tarfile.open(file, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file


def first_blob(members: Members) -> str:
    return next(name for name in members if name.startswith("blobs/"))


def flip(members: Members, name: str) -> Members:
    content = bytearray(members[name])
    content[len(content) // 2] ^= 1
    return {**members, name: bytes(content)}


def without(members: Members, name: str) -> Members:
    return {key: content for key, content in members.items() if key != name}


def test_a_whole_bundle_is_read(made: Path) -> None:
    read = reading.read(made)
    assert read.file == made
    assert set(read.offsets) == set(read.manifest.blobs())
    assert read.program.startswith(b"#!/usr/bin/env python3\n")
    assert made.name.startswith(read.manifest.release)


def test_the_manifest_alone_is_quick_to_have(made: Path) -> None:
    assert reading.manifest_of(made) == reading.read(made).manifest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda members: flip(members, "manifest.json"), "the signature does not fit"),
        (lambda members: flip(members, "manifest.json.sig"), "the signature does not fit"),
        (lambda members: flip(members, "box.pyz"), "is not the one in the manifest"),
        (lambda members: flip(members, first_blob(members)), "is not what was signed"),
        (lambda members: without(members, first_blob(members)), "is missing"),
        (lambda members: without(members, "manifest.json.sig"), r"manifest\.json\.sig is not where it should be"),
        (lambda members: {**members, "blobs/" + "0" * 64: b"more"}, "which is not in its manifest"),
        (lambda members: {**members, "/etc/cron.d/x": b"more"}, r"holds /etc/cron\.d/x, which is not"),
        (lambda members: dict(sorted(members.items())), r"manifest\.json is not where it should be"),
    ],
)
def test_a_changed_bundle_is_refused(
    made: Path, tmp_path: Path, change: Callable[[Members], Members], words: str
) -> None:
    with pytest.raises(KitError, match=words):
        reading.read(write(change(members_of(made)), tmp_path / "x.bundle"))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9])
def test_a_bundle_cut_short_is_refused(made: Path, tmp_path: Path, share: float) -> None:
    content = made.read_bytes()
    (tmp_path / "x.bundle").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(KitError, match="is not a whole bundle"):
        reading.read(tmp_path / "x.bundle")


def test_a_link_in_place_of_a_part_is_refused(made: Path, tmp_path: Path) -> None:
    file = write(members_of(made), tmp_path / "x.bundle")
    with tarfile.open(file, "a") as tar:
        link = tarfile.TarInfo("blobs/" + "0" * 64)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        tar.addfile(link)
    with pytest.raises(KitError, match="which is not in its manifest"):
        reading.read(file)


def test_only_allowed_signers_are_believed_when_they_are_named(made: Path, tmp_path: Path) -> None:
    signers = tmp_path / "signers"
    signers.write_text(allowed_signers_line(make_key(tmp_path), "somebody else"))
    with pytest.raises(KitError, match="does not allow"):
        reading.read(made, signers)


def test_parts_are_written_by_their_hash(made: Path, tmp_path: Path) -> None:
    read = reading.read(made)
    read.extract(tmp_path / "blobs", read.manifest.blobs())
    assert {path.name for path in (tmp_path / "blobs").iterdir()} == set(read.manifest.blobs())
    assert all(sha256(path) == path.name for path in (tmp_path / "blobs").iterdir())


def test_what_lies_there_is_left_and_half_a_part_is_written_anew(made: Path, tmp_path: Path) -> None:
    read = reading.read(made)
    one, other = sorted(read.manifest.blobs())[:2]
    read.extract(tmp_path, [one, other])
    os.utime(tmp_path / one, (1e9, 1e9))
    (tmp_path / other).write_bytes(b"half")
    read.extract(tmp_path, [one, other])
    assert (tmp_path / one).stat().st_mtime == 1e9
    assert sha256(tmp_path / other) == other


def test_a_file_that_changed_after_it_was_read_gives_no_parts(made: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.bundle"
    shutil.copyfile(made, file)
    read = reading.read(file)
    write(flip(members_of(made), first_blob(members_of(made))), file)
    with pytest.raises(KitError, match="has changed since it was read"):
        read.extract(tmp_path / "blobs", read.manifest.blobs())


def test_the_newest_bundle_comes_first(tmp_path: Path) -> None:
    for age, name in enumerate(["c", "a", "b"]):
        (tmp_path / f"{name}.bundle").touch()
        os.utime(tmp_path / f"{name}.bundle", (1e9 - age, 1e9 - age))
    (tmp_path / "other.txt").touch()
    assert [path.stem for path in reading.newest(tmp_path)] == ["c", "a", "b"]
    assert reading.newest(tmp_path / "none") == []


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        reading.manifest_of(tmp_path / "none.bundle")


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bundle").write_bytes(b"no tar" * 1000)
    with pytest.raises(KitError, match="is not a whole bundle"):
        reading.manifest_of(tmp_path / "x.bundle")
