"""Downloads are pip's own, from a folder: PIP_NO_INDEX keeps it from asking anybody else."""

from pathlib import Path

import pytest

from common.durable import sha256
from common.errors import KitError
from kit.bundle.target import BoxTarget
from kit.bundle.wheels import fetching
from kit.bundle.wheels.requirements import Requirement
from kit.bundle.wheels.torch_source import TorchSource
from tests.kit.bundle.parts import make_wheel

TARGET = BoxTarget("linux_aarch64", "3.11")
NEW = "torch-2.9.1-cp311-cp311-manylinux_2_28_aarch64.whl"
OLD = "torch-2.9.1-cp311-cp311-manylinux_2_17_aarch64.whl"
OTHERS = [
    "torch-2.9.1-cp311-cp311-manylinux_2_28_x86_64.whl",
    "torch-2.9.1-cp313-cp313-manylinux_2_28_aarch64.whl",
    "torch-2.9.0-cp311-cp311-manylinux_2_28_aarch64.whl",
    "torch_extras-2.9.1-py3-none-any.whl",
]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for name in [NEW, OLD, *OTHERS]:
        make_wheel(tmp_path / "an index", name, f"Summary: {name}")
    return tmp_path / "an index"


def torch(*files: Path) -> Requirement:
    return Requirement("torch", "2.9.1", frozenset(sha256(path) for path in files))


def test_the_best_wheel_for_the_box_comes_and_no_other(index: Path, tmp_path: Path) -> None:
    wanted = torch(*index.glob("torch-2.9.1-*"))
    found = fetching.fetch([wanted], TARGET, TorchSource(str(index), "2.9.1"), tmp_path / "cache")
    assert [path.name for path in found] == [NEW]
    assert found[0].read_bytes() == (index / NEW).read_bytes()


def test_what_is_there_is_not_downloaded_again(index: Path, tmp_path: Path) -> None:
    source, wanted = TorchSource(str(index), "2.9.1"), torch(index / NEW)
    first = fetching.fetch([wanted], TARGET, source, tmp_path / "cache")
    (index / NEW).unlink()
    assert fetching.fetch([wanted], TARGET, source, tmp_path / "cache") == first


def test_what_was_damaged_on_the_disk_is_downloaded_again(index: Path, tmp_path: Path) -> None:
    source, wanted = TorchSource(str(index), "2.9.1"), torch(index / NEW)
    found = fetching.fetch([wanted], TARGET, source, tmp_path / "cache")
    found[0].write_bytes(b"half a whe")
    assert sha256(fetching.fetch([wanted], TARGET, source, tmp_path / "cache")[0]) in wanted.hashes


def test_a_file_with_another_hash_is_refused_with_pips_words(index: Path, tmp_path: Path) -> None:
    wanted = torch(index / NEW)
    make_wheel(index, NEW, "License: Other")
    with pytest.raises(KitError, match=r"pip failed: .*DO NOT MATCH THE HASHES"):
        fetching.fetch([wanted], TARGET, TorchSource(str(index), "2.9.1"), tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("*.whl")) == []


def test_the_pinned_hash_decides_between_wheels_that_fit(index: Path) -> None:
    assert fetching.find(torch(index / NEW, index / OLD), TARGET, index) == index / NEW
    assert fetching.find(torch(index / OLD), TARGET, index) == index / OLD
    assert fetching.find(torch(index / OTHERS[0]), TARGET, index) is None


def test_the_cache_can_be_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("WHEELS", raising=False)
    assert fetching.default_cache() == tmp_path / "build" / "wheels"
    monkeypatch.setenv("WHEELS", str(tmp_path / "shared"))
    assert fetching.default_cache() == tmp_path / "shared"
