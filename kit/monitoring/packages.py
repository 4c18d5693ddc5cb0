"""Debian's Prometheus and Alertmanager: those that are installed, or unpacked beside the build, without root."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common.errors import KitError
from kit.build import default_build_root
from kit.console import step


@dataclass(frozen=True)
class Package:
    """`program`: what it is looked for by."""

    name: str
    program: str


PROMETHEUS = Package("prometheus", "prometheus")
ALERTMANAGER = Package("prometheus-alertmanager", "prometheus-alertmanager")


def find(package: Package) -> Path:
    """The folder of its programs. Raises KitError when it is not there and cannot be fetched."""
    if installed := shutil.which(package.program):
        return Path(installed).parent
    unpacked = default_build_root() / "debian" / package.name
    if not (unpacked / "usr/bin" / package.program).exists():
        step(f"fetching Debian's {package.name}")
        _unpack(package, unpacked)
    return unpacked / "usr/bin"


def _unpack(package: Package, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        _run(["apt-get", "download", package.name], temporary, package)
        (archive,) = Path(temporary).glob("*.deb")
        folder.mkdir(parents=True, exist_ok=True)
        _run(["dpkg-deb", "--extract", str(archive), str(folder)], temporary, package)


def _run(command: list[str], folder: str, package: Package) -> None:
    try:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except OSError as error:
        raise _missing(package, str(error)) from None
    if ran.returncode:
        raise _missing(package, ran.stderr.strip().rpartition("\n")[2] or f"{command[0]} failed")


def _missing(package: Package, why: str) -> KitError:
    return KitError(
        f"{package.name} is not here, and cannot be fetched: {why}",
        f"on Debian or Ubuntu: sudo apt-get update && sudo apt-get install {package.name}; or put {package.program} "
        "on the PATH",
    )
