"""buildah asked: an image built from a folder, and written as an OCI layout."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.errors import KitError

LINES = 6  # of what it said last


def build_command(context: Path, tag: str, labels: Mapping[str, str], base: str) -> list[str]:
    """`base` "" is the Containerfile's own. Without user namespaces or a network of its own, so that it works in a
    container, too; at time 0, so that the same bundle and base give the same digest."""
    given = [f"--build-arg=BASE={base}"] if base else []
    given += [f"--label={name}={value}" for name, value in labels.items()]
    fixed = ("--layers", "--isolation=chroot", "--timestamp=0", "--format=oci")
    return ["buildah", "build", *fixed, *given, f"--tag={tag}", f"--file={context / 'Containerfile'}", str(context)]


def run(command: Sequence[str], what: str, hint: str = "") -> str:
    """Its standard output. Raises KitError with its last words."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise KitError("this machine has no buildah", "sudo apt-get install --no-install-recommends buildah") from None
    if done.returncode:
        said = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-LINES:])
        raise KitError(f"{what} failed:\n  {said}", hint)
    return done.stdout
