"""A release's runtime: a venv from the wheels that came with it. No network, no ensurepip: pip is one of them."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from box.state.paths import Paths
from box.store import integrity, runtime_files
from box.system import space
from common import durable
from common.errors import KitError, SpaceError
from common.manifest import Manifest

# Beside what the wheels hold: compiled .pyc files, and blocks that are not full.
OVERHEAD = 1.25
# What wheels unpack to, before they are here to be looked into.
UNPACKED_PER_WHEEL = 4.0
INSTALL_SECONDS = 3600


def estimate(manifest: Manifest) -> int:
    """Bytes that it will take, guessed from the wheels' sizes."""
    return int(sum(part.size for part in manifest.wheels) * UNPACKED_PER_WHEEL)


def build(paths: Paths, manifest: Manifest) -> None:
    """Complete or absent: made under another name, then renamed. Raises SpaceError before anything is written."""
    final = paths.runtime(manifest.runtime_id)
    making = final.with_name(f".{final.name}.making")
    durable.remove_tree(making)
    unpacked = sum(_unpacked_bytes(paths.blobs / part.sha256) for part in manifest.wheels)
    space.require(paths.home, int(unpacked * OVERHEAD), "the runtime")
    try:
        _install(paths, manifest, making)
    except BaseException:
        durable.remove_tree(making)
        raise
    runtime_files.write_index(making)
    os.sync()
    durable.remove_tree(final)  # what damage, or a changed system Python, left of it
    durable.move(making, final)
    integrity.note_damage(paths, manifest.runtime_id, [])


def _unpacked_bytes(wheel: Path) -> int:
    with zipfile.ZipFile(wheel) as file:
        return sum(entry.file_size for entry in file.infolist())


def _install(paths: Paths, manifest: Manifest, making: Path) -> None:
    # By its version's name: /usr/bin/python3 becomes another Python with an upgrade of the system.
    python = os.path.realpath(sys.executable)
    _run([python, "-m", "venv", "--without-pip", str(making)], making, "python3 -m venv")
    wheels, temp = making / "wheels", making / "tmp"
    for folder in (wheels, temp):
        folder.mkdir()
    rows = []
    for part in manifest.wheels:
        os.link(paths.blobs / part.sha256, making / part.path)
        rows.append(f"{making / part.path} --hash=sha256:{part.sha256}\n")
    requirements = making / "requirements.txt"
    requirements.write_text("".join(rows), encoding="utf-8")
    _run(
        [
            *(str(making / "bin/python"), str(wheels / manifest.pip / "pip"), "install"),
            *("--no-index", "--no-deps", "--require-hashes", "--no-cache-dir", "--no-input", "--quiet"),
            *("--disable-pip-version-check", "--requirement", str(requirements)),
        ],
        making,
        "pip install",
    )
    java = making / f"lib/python{manifest.python}/site-packages" / manifest.server.java
    if not os.access(java, os.X_OK):
        raise KitError(f"the wheels bring no {manifest.server.java}", "build the bundle again: make bundle")
    for folder in (wheels, temp):
        durable.remove_tree(folder)
    requirements.unlink()


def _run(command: list[str], making: Path, what: str) -> None:
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(making),
        "TMPDIR": str(making / "tmp"),
        "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
    }
    if (told := os.environ.get("SOURCE_DATE_EPOCH")) is not None:  # an image is to have the same bytes each time
        environment["SOURCE_DATE_EPOCH"] = told
    run = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=INSTALL_SECONDS,
        umask=0o022,
    )
    if run.returncode == 0:
        return
    words = " ".join((run.stderr or run.stdout).split())[-400:]
    if "No space left" in words or "Disk quota" in words:
        raise SpaceError(
            f"the disk filled up while the runtime was installed: {space.megabytes(space.free_bytes(making.parent))} "
            f"are free at {making.parent}",
            "free space on this disk, then repeat; what runs was not touched",
        )
    raise KitError(f"{what} failed: {words}", "apt-get install python3, then repeat; what runs was not touched")
