"""The kit's worker as a wheel, so that it lies in a box's runtime, where it outlives the release that brought it: a
server that changes its model hot goes on starting workers from there."""

from __future__ import annotations

import zipfile
from pathlib import Path

from kit import __version__
from kit.bundle.wheels.trimming import digest
from kit.files import replacing, zip_entry
from kit.serving.launch import WORKER

NAME = "vision_serve_worker"
FILES = ("*.py", "version.txt", "metrics.yaml")


def write(folder: Path) -> Path:
    """Write it into a folder of wheels: the same bytes for the same worker."""
    path = folder / f"{NAME}-{__version__}-py3-none-any.whl"
    described = f"{NAME}-{__version__}.dist-info"
    members = {
        f"{WORKER.name}/{file.relative_to(WORKER)}": file.read_bytes()
        for pattern in FILES
        for file in sorted(WORKER.rglob(pattern))
    } | {
        f"{described}/METADATA": (
            f"Metadata-Version: 2.4\nName: {NAME.replace('_', '-')}\nVersion: {__version__}\n"
            "License-Expression: Apache-2.0\n"
        ).encode(),
        f"{described}/WHEEL": b"Wheel-Version: 1.0\nGenerator: vision-serve-kit\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = [f"{name},sha256={digest(content)},{len(content)}" for name, content in members.items()]
    members[f"{described}/RECORD"] = ("\n".join([*record, f"{described}/RECORD,,"]) + "\n").encode()
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as wheel:
        for name, content in members.items():
            wheel.writestr(zip_entry(name), content)
    return path
