"""Make `.venv-mobile`: what `make mobile` needs beside `.venv`, from requirements/mobile.txt.

It lies over `.venv` and looks into it for everything else, so torch is there once. What both locks pin is the same
version in both (mobile.txt is resolved under lock.txt as its constraint), so only the rest is installed: some
650 MB, half a minute. Like set-up it leaves a fingerprint, and does nothing when that still fits.
"""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from pathlib import Path

from scripts.setup import COMPILED, LOCK, ROOT, VENV, SetupError, blocks, run

VENV_MOBILE = ROOT / ".venv-mobile"
PYTHON = VENV_MOBILE / "bin" / "python"
FINGERPRINT = VENV_MOBILE / ".fingerprint"
MOBILE_LOCK = ROOT / "requirements" / "mobile.txt"


def fingerprint() -> str:
    parts = [MOBILE_LOCK.read_bytes(), LOCK.read_bytes(), sys.version.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def beside(mobile_lock: str, lock: str) -> str:
    """The requirements of `mobile_lock` for packages that `lock` does not install."""
    there = {name(block) for block in blocks(lock)}
    return "\n".join(block for block in blocks(mobile_lock) if name(block) not in there) + "\n"


def name(block: str) -> str:
    return block.split("==", 1)[0]


def look_into(venv: Path) -> None:
    """Make .venv-mobile find what is installed in `venv`; relative, so that both may be moved together."""
    packages = Path(sysconfig.get_path("purelib", vars={"base": "", "platbase": ""}).lstrip("/"))
    up = Path(*[".."] * (len(packages.parts) + 1))
    (VENV_MOBILE / packages / "beside.pth").write_text(f"{up / venv.name / packages}\n")


def main() -> int:
    wanted = fingerprint()
    if FINGERPRINT.exists() and FINGERPRINT.read_text() == wanted:
        return 0
    print("setting up .venv-mobile for make mobile (once; some 200 MB to download)", file=sys.stderr)
    try:
        uv = VENV / "bin" / "uv"
        run(uv, "venv", "--quiet", "--clear", "--python", VENV / "bin" / "python", VENV_MOBILE)
        look_into(VENV)
        rest = VENV_MOBILE / "beside.txt"
        rest.write_text(beside(MOBILE_LOCK.read_text(), LOCK.read_text()))
        run(uv, "pip", "sync", "--python", PYTHON, *COMPILED, "--require-hashes", rest)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    FINGERPRINT.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
