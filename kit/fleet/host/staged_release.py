"""A bundle laid out for sending, and which one fits a box."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.fleet.ssh.facts import Facts

POINTER_BITS = 64


@dataclass(frozen=True)
class StagedRelease:
    """One release for one platform and Python. `folder` holds what a box's incoming folder gets: `blobs/<sha256>`,
    `<release>.json` and `<release>.json.sig`; `manifest` is the exact text that was signed."""

    release: str
    model: str
    platform: str
    python: str
    manifest: bytes
    program: bytes
    folder: Path
    bundle: Path

    @property
    def program_sha256(self) -> str:
        return hashlib.sha256(self.program).hexdigest()

    @property
    def target(self) -> str:
        return f"{self.platform}, Python {self.python}"

    @property
    def size(self) -> int:
        """Bytes of all its blobs: what a bare box gets."""
        return sum(file.stat().st_size for file in (self.folder / "blobs").iterdir())

    def files(self, missing: Sequence[str]) -> list[str]:
        """What to send: the missing blobs, then the manifest and its signature."""
        return [*(f"blobs/{digest}" for digest in missing), f"{self.release}.json", f"{self.release}.json.sig"]


def unfit(facts: Facts) -> str:
    """Why a box cannot run any bundle, with the hint; "" when it can."""
    if not facts.python:
        return "it has no python3: apt-get install python3"
    if facts.bits != POINTER_BITS:
        return f"its python3 is a {facts.bits}-bit program: it needs a 64-bit system"
    if not facts.root:
        return (
            "no root: sudo wants a password, or there is none; let the ssh user run sudo without one, or log in as root"
        )
    if not facts.rsync:
        return "it has no rsync: apt-get install rsync"
    return ""


def matching(facts: Facts, staged_releases: Sequence[StagedRelease]) -> StagedRelease | None:
    platform = f"linux_{facts.machine}"
    return next((one for one in staged_releases if (one.platform, one.python) == (platform, facts.python)), None)
