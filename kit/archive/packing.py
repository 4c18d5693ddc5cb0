"""Packs the parts with torch-model-archiver, then writes its .mar again so that it is the same each time.

The archiver stamps the day and the hour into it; and it deletes $TMPDIR/<model name> before it starts, so each
run has a temporary folder to itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from common.errors import KitError
from kit.archive.parts import Parts
from kit.files import zip_entry

MANIFEST = "MAR-INF/MANIFEST.json"
CREATED_ON = "01/01/1980 00:00:00"


def pack(parts: Parts, model_name: str, model_version: str, into: Path) -> None:
    """Write the .mar to `into`. Raises KitError with the archiver's own words when it refuses."""
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".archive.") as temporary:
        folder = Path(temporary)
        staged, packed, scratch = folder / "staged", folder / "packed", folder / "tmp"
        for made in (staged, packed, scratch):
            made.mkdir()
        for name, path in parts.files.items():
            (staged / name).symlink_to(path.resolve())
        done = subprocess.run(
            arguments(parts, model_name, model_version, packed),
            cwd=staged,
            env={**os.environ, "TMPDIR": str(scratch)},
            capture_output=True,
            text=True,
        )
        made = packed / f"{model_name}.mar"
        if done.returncode or not made.is_file():
            said = (done.stderr or done.stdout).strip().splitlines()
            raise KitError(f"torch-model-archiver failed: {said[-1] if said else done.returncode}", "make setup")
        rewrite(made, into)


def arguments(parts: Parts, model_name: str, model_version: str, into: Path) -> list[str]:
    """Names are relative to the folder the parts are staged in: the archiver splits paths at commas and expands
    `*` and `[`. -I keeps the handlers there from being imported in place of the standard library."""
    command = [sys.executable, "-I", "-m", "model_archiver.model_packaging"]
    command += ["--model-name", model_name, "--version", model_version]
    command += ["--serialized-file", parts.serialized, "--handler", parts.handler]
    command += ["--config-file", parts.config, "--extra-files", ",".join(parts.extra)]
    return [*command, "--archive-format", "zip-store", "--export-path", str(into)]


def rewrite(original: Path, into: Path) -> None:
    """The same members, sorted, stored, with fixed times and modes, and a manifest without its date."""
    with zipfile.ZipFile(original) as source, zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(source.namelist()):
            entry = zip_entry(name)
            if name == MANIFEST:
                target.writestr(entry, undated(json.loads(source.read(name))))
                continue
            entry.file_size = source.getinfo(name).file_size
            with source.open(name) as reader, target.open(entry, "w") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)


def undated(manifest: dict[str, Any]) -> str:
    return json.dumps({**manifest, "createdOn": CREATED_ON}, indent=2, sort_keys=True) + "\n"
