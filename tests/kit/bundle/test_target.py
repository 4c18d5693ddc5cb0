import itertools

import pytest
from packaging.utils import parse_wheel_filename

from common.errors import UsageError
from kit.bundle import target
from kit.bundle.target import BoxTarget

ARM = BoxTarget("linux_aarch64", "3.13")


@pytest.mark.parametrize(
    ("wheel", "fits"),
    [
        ("torch-2.9.1-cp313-cp313-manylinux_2_28_aarch64.whl", True),
        ("psutil-7.2.2-cp36-abi3-manylinux2014_aarch64.manylinux_2_17_aarch64.whl", True),
        ("packaging-26.3-py3-none-any.whl", True),
        ("nvidia_cusparselt_cu13-0.8.1-py3-none-manylinux2014_aarch64.whl", True),
        ("torch-2.9.1-cp311-cp311-manylinux_2_28_aarch64.whl", False),
        ("torch-2.9.1-cp313-cp313t-manylinux_2_28_aarch64.whl", False),
        ("numpy-2.5.5-cp313-cp313-manylinux_2_34_aarch64.whl", False),
        ("numpy-2.5.5-cp313-cp313-musllinux_1_2_aarch64.whl", False),
        ("numpy-2.5.5-cp313-cp313-manylinux_2_28_x86_64.whl", False),
    ],
)
def test_only_wheels_for_that_processor_python_and_an_old_enough_glibc_fit(wheel: str, fits: bool) -> None:
    assert bool(parse_wheel_filename(wheel)[3] & set(ARM.tags())) is fits


def test_a_newer_glibcs_wheel_is_better_than_an_older_ones() -> None:
    platforms = ARM.wheel_platforms()
    assert platforms.index("manylinux_2_28_aarch64") < platforms.index("manylinux_2_17_aarch64")


def test_pip_is_told_everything_that_it_would_take_from_its_own_machine() -> None:
    options = ARM.pip_options()
    pairs = list(itertools.pairwise(options))
    for pair in [("--python-version", "3.13"), ("--abi", "cp313"), ("--platform", "manylinux2014_aarch64")]:
        assert pair in pairs
    assert "--only-binary=:all:" in options


def test_what_is_not_said_is_this_machines_and_debian_12s() -> None:
    assert target.choose("", "", "x86_64") == BoxTarget("linux_x86_64", "3.11")


@pytest.mark.parametrize(
    ("platform", "python", "words"),
    [
        ("linux_riscv64", "3.11", "PLATFORM=linux_riscv64 is not one the kit knows"),
        ("linux_aarch64", "3.10", "BOX_PYTHON=3.10 is not a Python that a box can have"),
        ("linux_aarch64", "python3.12", "BOX_PYTHON=python3.12 is not a Python that a box can have"),
    ],
)
def test_a_box_that_nothing_can_be_made_for_is_refused(platform: str, python: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        target.choose(platform, python, "x86_64")
