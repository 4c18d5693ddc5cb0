"""Which bundles go out, and what is laid out for rsync."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import KitError, UsageError
from kit.fleet.rollout import staging
from tests.kit.fleet import small_bundle

ARM = ("linux_aarch64", "3.11")
X86 = ("linux_x86_64", "3.13")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return small_bundle.make_key(tmp_path)


def test_the_newest_of_each_platform_is_taken(tmp_path: Path, key: Path) -> None:
    folder = tmp_path / "bundle"
    small_bundle.write(folder, key, "1.0", ARM)
    newest = [small_bundle.write(folder, key, "2.0", target).file for target in (ARM, X86)]
    assert sorted(staging.choose([], folder)) == sorted(newest)


def test_bundles_of_different_models_do_not_go_out_together(tmp_path: Path, key: Path) -> None:
    folder = tmp_path / "bundle"
    small_bundle.write(folder, key, "1.0", ARM)
    small_bundle.write(folder, key, "2.0", X86)
    with pytest.raises(UsageError, match=r"the bundles hold different models: .*resnet18 2\.0.*resnet18 1\.0"):
        staging.choose([], folder)


def test_two_named_for_the_same_boxes_are_refused(tmp_path: Path, key: Path) -> None:
    both = [small_bundle.write(tmp_path, key, version, ARM).file for version in ("1.0", "2.0")]
    with pytest.raises(UsageError, match=r"are both for linux_aarch64 3\.11"):
        staging.choose(both, tmp_path)


@pytest.mark.parametrize("named", [[Path("no.bundle")], []])
def test_no_bundle_says_how_to_make_one(named: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        staging.choose(named, tmp_path)
    assert "make bundle" in refused.value.hint


def test_it_is_laid_out_as_a_box_is_to_get_it(tmp_path: Path, key: Path) -> None:
    made = small_bundle.write(tmp_path, key, target=ARM)
    staged = staging.lay_out(made.file, tmp_path / "staging", tmp_path / "signers")
    names = sorted(str(path.relative_to(staged.folder)) for path in staged.folder.rglob("*") if path.is_file())
    digest = small_bundle.digest_of(b"model1.0")
    assert staged.files([digest]) == [f"blobs/{digest}", f"{made.release}.json", f"{made.release}.json.sig"]
    assert set(staged.files([digest])) < set(names)
    assert (staged.folder / "blobs" / digest).read_bytes() == b"model1.0"
    assert staged.program_sha256 == small_bundle.digest_of(small_bundle.PROGRAM)
    assert (staged.release, staged.target) == (made.release, "linux_aarch64, Python 3.11")


def test_one_that_a_box_would_not_trust_is_refused_at_the_workstation(tmp_path: Path, key: Path) -> None:
    made = small_bundle.write(tmp_path, key)
    (tmp_path / "other").mkdir()
    small_bundle.make_key(tmp_path / "other")
    with pytest.raises(KitError, match="does not allow"):
        staging.lay_out(made.file, tmp_path / "staging", tmp_path / "other/signers")


def test_only_the_last_layouts_are_kept(tmp_path: Path, key: Path) -> None:
    for version in range(staging.KEPT + 2):
        made = small_bundle.write(tmp_path, key, str(version))
        staging.lay_out(made.file, tmp_path / "staging", None)
    left = sorted(path.name.split("-")[1] for path in (tmp_path / "staging").iterdir())
    assert left == [str(version) for version in range(2, staging.KEPT + 2)]
