from pathlib import Path

import pytest

from common.errors import UsageError
from kit.bundle.target import BoxTarget
from kit.bundle.wheels import torch_source

X86, ARM = BoxTarget("linux_x86_64", "3.11"), BoxTarget("linux_aarch64", "3.11")


def folder(tmp_path: Path, *versions: str, python: str = "cp311") -> str:
    for version in versions:
        (tmp_path / f"torch-{version}-{python}-{python}-manylinux_2_28_x86_64.whl").touch()
    (tmp_path / "torch-geometric-2.0-py3-none-any.whl").touch()
    (tmp_path / "torch-broken.whl").touch()
    return str(tmp_path)


def test_the_usual_index_has_the_locks_torch() -> None:
    assert torch_source.choose("", ARM, "2.9.1") == torch_source.TorchSource("", "2.9.1")


def test_the_usual_index_brings_cuda_to_x86_and_that_is_said() -> None:
    assert "TORCH_INDEX=" in torch_source.choose("", X86, "2.14.1").note


def test_an_index_elsewhere_is_asked_for_the_locks_version() -> None:
    chosen = torch_source.choose("https://example.org/cpu", X86, "2.14.1")
    assert (chosen.version, chosen.is_folder, chosen.note) == ("2.14.1", False, "")
    assert chosen.pip_line == "--extra-index-url https://example.org/cpu\n"


def test_a_folders_own_build_of_the_locks_version_is_taken_before_a_newer_one(tmp_path: Path) -> None:
    chosen = torch_source.choose(folder(tmp_path, "2.14.1+cpu", "2.15.0+cpu"), X86, "2.14.1")
    assert (chosen.version, chosen.note) == ("2.14.1+cpu", "")
    assert chosen.pip_line == f"--find-links {tmp_path}\n"


def test_a_folder_with_other_versions_gives_its_newest_and_that_is_said(tmp_path: Path) -> None:
    chosen = torch_source.choose(folder(tmp_path, "2.9.0+cpu", "2.13.0+cpu"), X86, "2.14.1")
    assert chosen.version == "2.13.0+cpu"
    assert chosen.note == "TORCH_INDEX has no torch 2.14.1; taking the newest that it has, 2.13.0+cpu"


@pytest.mark.parametrize("target", [ARM, BoxTarget("linux_x86_64", "3.13")])
def test_a_folder_without_a_torch_for_the_box_is_refused(tmp_path: Path, target: BoxTarget) -> None:
    with pytest.raises(UsageError, match=f"no torch for {target.platform} and Python {target.python}"):
        torch_source.choose(folder(tmp_path, "2.13.0+cpu"), target, "2.14.1")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a URL nor a folder"):
        torch_source.choose(str(tmp_path / "none"), X86, "2.14.1")
