"""A real bundle of a few hundred bytes, whose program is the fake one."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from common.manifest import Gate, Part
from kit.bundle import manifest, signing, tarball
from tests.kit.fleet import fake_box
from tests.signers import allowed_signers_line

HERE = (f"linux_{platform.machine()}", f"{sys.version_info.major}.{sys.version_info.minor}")


def packed(source: bytes) -> bytes:
    """One Python file as a program in a zip, as box.pyz is one."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py"), source)
    return made.getvalue()


PROGRAM = packed(Path(fake_box.__file__).read_bytes())


@dataclass(frozen=True)
class Made:
    file: Path
    release: str


def make_key(folder: Path) -> Path:
    """A signing key, and `signers` beside it, which trusts it."""
    key = folder / "signing_key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        (folder / "signers").write_text(allowed_signers_line(key, "shop"))
    return key


def write(
    folder: Path,
    key: Path,
    version: str = "1.0",
    target: tuple[str, str] = HERE,
    model: bytes = b"model",
    wheel: bytes = b"a wheel",
) -> Made:
    """`folder/….bundle`. Releases of the same `wheel` share their runtime."""
    contents = {
        "box.pyz": ("program", PROGRAM),
        "resnet18.mar": ("archive", model + version.encode()),
        "golden/lime.jpg": ("golden", b"a lime"),
        "wheels/pip-1-py3-none-any.whl": ("wheel", wheel),
    }
    parts = [Part(path, digest_of(body), len(body), role) for path, (role, body) in contents.items()]
    document = {
        "platform": target[0],
        "python": target[1],
        "model": {"name": "resnet18", "version": version, "archive": "resnet18.mar", "precision": "int8"},
        "runtime": {"id": "0" * 16, "pip": "pip-1-py3-none-any.whl"},
        "server": {"command": ["{java}"], "environment": {}, "java": "j", "workers": 1, "response_timeout": 60},
        "gate": dict.fromkeys(Gate.__dataclass_fields__, 1),
        "golden": {"tolerance": 0.05, "pictures": [{"file": "golden/lime.jpg", "expected": {"Lime": 0.9}}]},
    }
    made = manifest.make(document, parts)
    file = folder / f"{made.release}-{target[0]}-py{target[1]}.bundle"
    blobs = sorted({digest_of(body): body for _, body in contents.values()}.items())
    folder.mkdir(parents=True, exist_ok=True)
    tarball.write(file, made.content, signing.sign(made.content, key), PROGRAM, blobs)
    os.utime(file, (0, len(list(folder.iterdir()))))  # the order they were made in
    return Made(file, made.release)


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
