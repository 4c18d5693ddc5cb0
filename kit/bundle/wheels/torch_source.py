"""Where a box's torch comes from: the lock's, or TORCH_INDEX with another build (CPU-only wheels, a mirror)."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from common.errors import UsageError
from kit.bundle.target import BoxTarget

# Measured: 29 wheels in place of 10, and a bundle of 3.1 GB in place of 0.3.
CUDA_NOTE = (
    "torch on PyPI for x86-64 is the CUDA build, 3 GB, most of it no use to a box without a GPU: "
    "TORCH_INDEX=<index or folder of CPU wheels> takes another"
)


@dataclass(frozen=True)
class TorchSource:
    """`index` is a URL, a folder, or "" for the usual index; `note` is for the user, "" when there is none."""

    index: str
    version: str
    note: str = ""

    @property
    def is_folder(self) -> bool:
        return bool(self.index) and Path(self.index).is_dir()

    @property
    def pip_line(self) -> str:
        """For pip's requirements file: a URL may hold a password, which no argument list should."""
        if not self.index:
            return ""
        return f"{'--find-links' if self.is_folder else '--extra-index-url'} {shlex.quote(self.index)}\n"


def choose(torch_index: str, target: BoxTarget, locked: str) -> TorchSource:
    """`torch_index` is TORCH_INDEX; `locked` the version that the lock has for this processor.

    Raises UsageError when TORCH_INDEX is a folder without a torch for the target, or is nothing at all.
    """
    if not torch_index:
        return TorchSource("", locked, CUDA_NOTE if target.processor == "x86_64" else "")
    if "://" in torch_index:
        return TorchSource(torch_index, locked)
    folder = Path(torch_index).resolve()
    if not folder.is_dir():
        raise UsageError(f"TORCH_INDEX={torch_index} is neither a URL nor a folder", "name the folder with the wheels")
    versions = sorted(_versions(folder, target))
    if not versions:
        raise UsageError(
            f"TORCH_INDEX={torch_index} has no torch for {target.platform} and Python {target.python}",
            "put one there, or take another PYTHON or PLATFORM",
        )
    same = [version for version in versions if version.public == locked]
    taken = (same or versions)[-1]
    note = "" if same else f"TORCH_INDEX has no torch {locked}; taking the newest that it has, {taken}"
    return TorchSource(str(folder), str(taken), note)


def _versions(folder: Path, target: BoxTarget) -> list[Version]:
    fitting, found = set(target.tags()), []
    for path in folder.glob("torch-*.whl"):
        try:
            _, version, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        if tags & fitting:
            found.append(version)
    return found
