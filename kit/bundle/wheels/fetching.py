"""A box's wheels on this machine's disk: downloaded once, each checked against its pinned sha256 every time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from common.durable import sha256
from common.errors import KitError
from common.words import count
from kit.build import default_build_root
from kit.bundle.target import BoxTarget
from kit.bundle.wheels.clients import pip
from kit.bundle.wheels.requirements import Requirement
from kit.bundle.wheels.torch_source import TorchSource
from kit.console import step
from kit.files import alone_in


def default_cache() -> Path:
    """build/wheels, or the folder that WHEELS names: it can be shared, also by builds that run at the same time."""
    return Path(os.environ.get("WHEELS") or default_build_root() / "wheels").resolve()


def fetch(wanted: Sequence[Requirement], target: BoxTarget, torch: TorchSource | None, cache: Path) -> list[Path]:
    """The wheels of `wanted`, in its order. Raises KitError when one cannot be had with its pinned sha256."""
    folder = cache / f"{target.platform}-py{target.python}"
    with alone_in(folder):
        missing = [each for each in wanted if not find(each, target, folder)]
        if missing:
            step(f"downloading {count(len(missing), 'wheel')} for {target.platform} and Python {target.python}")
            download(missing, target, torch, folder)
        found = [find(each, target, folder) for each in wanted]
    for each, path in zip(wanted, found, strict=True):
        if path is None:
            raise KitError(f"no wheel of {each.name} {each.version} for {target.platform} came", f"rm -r {folder}")
    return [path for path in found if path]


def download(wanted: Sequence[Requirement], target: BoxTarget, torch: TorchSource | None, into: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write((torch.pip_line if torch else "") + "".join(f"{each.line}\n" for each in wanted))
        listed.flush()
        options = ["--no-deps", "--require-hashes", *target.pip_options()]
        pip("download", *options, "--dest", str(into), "--requirement", listed.name)


def find(wanted: Requirement, target: BoxTarget, folder: Path) -> Path | None:
    """The best wheel for the target in a folder, with one of the pinned hashes."""
    order = {tag: rank for rank, tag in enumerate(target.tags())}
    fitting: list[tuple[int, Path]] = []
    for path in folder.glob("*.whl"):
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        if canonicalize_name(name) == wanted.name and version == Version(wanted.version):
            fitting += [(order[tag], path) for tag in tags if tag in order]
    for _, path in sorted(fitting):
        if sha256(path) in wanted.hashes:
            return path
    return None
