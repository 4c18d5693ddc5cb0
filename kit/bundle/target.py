"""The box that a bundle is for: which processor, which Python, and so which wheels fit it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags

from common.errors import UsageError
from kit.model.precision import hardware

PYTHONS = ("3.11", "3.12", "3.13", "3.14")  # from the first that box.pyz runs on to the last that torch has wheels for
DEFAULT_PYTHON = "3.11"  # Debian 12's and the Raspberry Pi OS of the same time
GLIBC = 28  # 2.28: every Debian since 10 has it, and torch's wheels want it
OLDEST_GLIBC = 5  # the oldest that there are Linux wheels for
OLDER_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}  # some wheels have only these


@dataclass(frozen=True)
class BoxTarget:
    """`platform` is linux_aarch64 or linux_x86_64; `python` is 3.11, say."""

    platform: str
    python: str

    @property
    def processor(self) -> str:
        return self.platform.removeprefix("linux_")

    @property
    def uv_platform(self) -> str:
        return f"{self.processor}-manylinux_2_{GLIBC}"

    @property
    def abi(self) -> str:
        return f"cp{self.python.replace('.', '')}"

    def wheel_platforms(self) -> list[str]:
        """Platform tags of the wheels that run there, the best first."""
        names = []
        for minor in range(GLIBC, OLDEST_GLIBC - 1, -1):
            names += [f"manylinux_2_{minor}", *([OLDER_NAMES[minor]] if minor in OLDER_NAMES else [])]
        return [f"{name}_{self.processor}" for name in names]

    def tags(self) -> list[Tag]:
        """Every tag of a wheel that runs there, the best first."""
        return list(dict.fromkeys(self._tags()))

    def _tags(self) -> Iterator[Tag]:
        version, platforms = [int(part) for part in self.python.split(".")], self.wheel_platforms()
        yield from cpython_tags(version, [self.abi], platforms)
        yield from compatible_tags(version, self.abi, platforms)

    def pip_options(self) -> list[str]:
        """What makes `pip download` take wheels for the box and not for the machine it runs on."""
        options = ["--only-binary=:all:", "--implementation", "cp", "--python-version", self.python, "--abi", self.abi]
        for name in ["abi3", "none"]:
            options += ["--abi", name]
        for name in self.wheel_platforms():
            options += ["--platform", name]
        return options


def choose(platform: str, python: str, processor: str) -> BoxTarget:
    """PLATFORM and PYTHON as asked for; "" for the processor at hand and DEFAULT_PYTHON.

    Raises UsageError for one that the kit has no wheels for.
    """
    python = python or DEFAULT_PYTHON
    if python not in PYTHONS:
        raise UsageError(
            f"BOX_PYTHON={python} is not a Python that a box can have",
            f"BOX_PYTHON={', '.join(PYTHONS[:-1])} or {PYTHONS[-1]}: what `python3 --version` says there, without the "
            "last number",
        )
    return BoxTarget(hardware.platform(platform, processor), python)
