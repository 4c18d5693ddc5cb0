"""A bare Debian for arm64, made once and kept outside the project, and programs run in it under emulation.

What a 64-bit Raspberry Pi OS or Debian box has and nothing else: python3 (no pip, no venv package) and ssh-keygen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SUITE, PYTHON = "bookworm", "3.11"  # and the Python that this Debian has
PACKAGES = "python3,openssh-client,ca-certificates"
BINFMT = Path("/proc/sys/fs/binfmt_misc")
HANDLER = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
NEEDED = {
    "debootstrap": "debootstrap",
    "qemu-aarch64-static": "qemu-user-static",
    "ssh-keygen": "openssh-client",
    "curl": "curl",
}


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vision-serve-kit"


def lacking() -> list[str]:
    """Debian's packages that have to be installed before any of this can work."""
    return sorted(package for program, package in NEEDED.items() if not shutil.which(program))


def mirror() -> str:
    """Where this machine's own apt gets Debian from."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"],
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.split()[0]


def register() -> None:
    """Let the kernel start arm64 programs through qemu, whatever root they lie in (the handler's flag F)."""
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
    if not (BINFMT / "qemu-aarch64").exists():
        (BINFMT / "register").write_text(HANDLER.read_text().strip())


def make() -> Path:
    """The root, complete: made in some five minutes the first time."""
    root = cache() / f"arm64-{SUITE}"
    register()
    if not root.is_dir():
        unfinished = root.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--arch=arm64", "--variant=minbase", f"--include={PACKAGES}", SUITE]
        subprocess.run([*command, str(unfinished), mirror()], check=True)
        unfinished.rename(root)
    return root
