"""Make `.venv` hold exactly what requirements/lock.txt says; do nothing when it already does.

Runs on the machine's own python3 before anything is installed, so it uses the standard library only.
A finished set-up leaves a fingerprint of everything it depended on; an interrupted one leaves none and is
simply done again.

TORCH_INDEX=<URL or folder> takes torch and torchvision from another package index (CPU-only wheels, an
internal mirror). Those two are then not held to the hashes in lock.txt, since another build of the same
version has other bytes; everything else still is.

Which Python and which index made it is remembered, and kept until `make setup` (--chosen) names others: torch is too
large to be changed by the way.

requirements/own.txt, if there is one, names what your own network's file imports (timm, say), as for pip: installed
beside the rest, for export alone. What is pinned stays as it is pinned.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a file, by a Python that has nothing of this project

from scripts.pip_settings import environment, uv_settings  # noqa: E402

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FINGERPRINT = VENV / ".fingerprint"
MADE_WITH = VENV / ".made-with.json"
LOCK = ROOT / "requirements" / "lock.txt"
UV_LOCK = ROOT / "requirements" / "uv.txt"
OWN = ROOT / "requirements" / "own.txt"
# torch 2.14.1 and 2.9.1 both have wheels for 3.10 to 3.14.
OLDEST_PYTHON, FIRST_TOO_NEW = (3, 10), (3, 15)

# What another torch build brings its own version of, and so what TORCH_INDEX leaves out of the lock.
TORCH_BUILD = re.compile(r"(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z-]+)==")
# torch is some 2,500 modules: a worker starts in half the time when they are compiled once, here, also where Python
# may not write into .venv later.
COMPILED = ["--compile-bytecode"]


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


@dataclass(frozen=True)
class MadeWith:
    """`python`: the interpreter's path. `torch_index`: "" for the usual index."""

    python: str
    torch_index: str


def remembered() -> MadeWith | None:
    """What .venv was made with, or was to be; None without one, or when its Python is gone."""
    try:
        made = MadeWith(**json.loads(MADE_WITH.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return made if shutil.which(made.python) else None


def decide(made: MadeWith | None, here: MadeWith, given: Collection[str], chosen: bool) -> MadeWith:
    """What .venv is to be made with. `here`: this Python, and TORCH_INDEX; `given`: which of PYTHON and TORCH_INDEX the
    user named; `chosen`: by `make setup` itself. Raises SetupError for another choice by the way."""
    if made is None:
        return here
    wanted = MadeWith(
        here.python if "PYTHON" in given else made.python,
        here.torch_index if "TORCH_INDEX" in given else made.torch_index,
    )
    if not chosen and wanted != made:
        raise SetupError(
            f".venv was made with {made.python}, torch from {made.torch_index or 'the usual index'}. "
            f"To change that: `make setup {' '.join(f'{name}=…' for name in sorted(given))}`; else leave that out."
        )
    return wanted


def fingerprint(torch_index: str) -> str:
    """What the environment depends on, as one hash."""
    own = OWN.read_bytes() if OWN.is_file() else b""
    parts = [LOCK.read_bytes(), UV_LOCK.read_bytes(), torch_index.encode(), sys.version.encode(), own]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def blocks(lock: str) -> list[str]:
    """The lock's requirements, each with its own lines of hashes."""
    return re.findall(r"^\S.*(?:\n[ \t]+.*)*", lock, flags=re.MULTILINE)


def without_torch_build(lock: str) -> str:
    return "\n".join(block for block in blocks(lock) if not TORCH_BUILD.match(block)) + "\n"


def torch_pins(lock: str, machine: str) -> list[str]:
    """`torch==…` and `torchvision==…` as the lock pins them for a processor (`x86_64`, `aarch64`)."""
    pins = []
    for block in blocks(lock):
        requirement, _, marker = block.split("\\")[0].partition(";")
        if re.match(r"torch(vision)?==", requirement) and f"'{machine}'" in marker:
            pins.append(requirement.strip())
    return pins


@cache
def pip_config() -> str:
    """What pip is set up with, as it prints it; "" where .venv has no pip."""
    asked = [str(PYTHON), "-m", "pip", "config", "list"]
    return (
        subprocess.run(asked, env=environment(VENV), capture_output=True, text=True).stdout if PYTHON.exists() else ""
    )


def run(*command: str | Path) -> None:
    settings = environment(VENV)
    if Path(command[0]).name == "uv":
        settings = uv_settings(pip_config()) | settings
    try:
        subprocess.run([str(part) for part in command], check=True, env=settings)
    except subprocess.CalledProcessError as error:
        words = " ".join(str(part) for part in command)
        raise SetupError(
            f"set-up stopped: `{words}` failed with status {error.returncode} (see its output above). "
            "Fix that and run the same command again: what is already there is kept."
        ) from None


def create_venv() -> None:
    """A .venv of this python with the pinned uv in it.

    Debian and Ubuntu split ensurepip out of python3, so a venv may have to be made without pip and filled by
    the machine's own pip, or all of it by a uv that is already on PATH.
    """
    if PYTHON.exists():
        same = subprocess.run([PYTHON, "-c", "import sys; print(sys.version)"], capture_output=True, text=True)
        if same.stdout.strip() != sys.version:
            shutil.rmtree(VENV)  # another Python's leftovers; nothing in it is the user's
    if subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode == 0:
        run(sys.executable, "-m", "venv", VENV)
        run(PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", UV_LOCK)
    elif subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        run(sys.executable, "-m", "venv", "--without-pip", VENV)
        run(
            sys.executable,
            "-m",
            "pip",
            "--python",
            PYTHON,
            "install",
            "--quiet",
            "--require-hashes",
            "-r",
            UV_LOCK,
        )
    elif uv := shutil.which("uv"):
        run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, VENV)
        run(uv, "pip", "install", "--quiet", "--require-hashes", "-r", UV_LOCK)
    else:
        raise SetupError(
            "this python3 has neither pip nor ensurepip, so it cannot make a .venv. Do one of: "
            "`sudo apt-get install python3-venv`; or, without root, put `uv` on your PATH. Then run the same "
            "command again."
        )


def install(torch_index: str) -> None:
    uv = VENV / "bin" / "uv"
    if not torch_index:
        # Another index's build of the same version would count as installed.
        again = ["--reinstall-package", "torch", "--reinstall-package", "torchvision"]
        run(uv, "pip", "sync", *COMPILED, "--require-hashes", *again, LOCK)
        return
    rest = VENV / "lock-without-torch.txt"
    rest.write_text(without_torch_build(LOCK.read_text()))
    run(uv, "pip", "sync", *COMPILED, "--require-hashes", rest)  # also takes out the torch of another index
    where = ["--find-links", torch_index] if Path(torch_index).is_dir() else ["--index", torch_index]
    run(uv, "pip", "install", *COMPILED, *where, *torch_pins(LOCK.read_text(), platform.machine()))


def install_own() -> None:
    if OWN.is_file():
        # Its own requirements have no hashes, and the lock's are no less pinned for being constraints.
        uv = VENV / "bin" / "uv"
        pinned = ("--no-verify-hashes", "--constraints", LOCK)
        run(uv, "pip", "install", *COMPILED, *pinned, "--requirements", OWN)


def cache_java() -> None:
    """So that the server starts in half the time. Without it everything works as well, so a failure is only told."""
    made = subprocess.run([PYTHON, "-m", "kit.serving.java_cache"], cwd=ROOT)
    if made.returncode:
        print("note: Java will start a second or two slower than it could (see its output above)", file=sys.stderr)


def main(arguments: Sequence[str] = ()) -> int:
    given = [name for name in ("PYTHON", "TORCH_INDEX") if f"--given={name}" in arguments]
    try:
        # Not a Path, which would take a slash out of an address.
        here = MadeWith(sys.executable, os.path.expanduser(os.environ.get("TORCH_INDEX", "")))  # noqa: PTH111
        wanted = decide(remembered(), here, given, "--chosen" in arguments)
        if wanted.python != sys.executable:
            os.execv(wanted.python, [wanted.python, __file__, *arguments])  # noqa: S606 - becomes that Python
        if not OLDEST_PYTHON <= sys.version_info < FIRST_TOO_NEW:
            raise SetupError(
                f"python3 is {platform.python_version()}; 3.10 to 3.14 is needed. "
                "Name another one: `make setup PYTHON=python3.12`."
            )
        if platform.machine() not in ("x86_64", "aarch64"):
            raise SetupError(f"this machine is {platform.machine()}; torch has wheels for x86_64 and aarch64 only.")
        make(wanted)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def make(wanted: MadeWith) -> None:
    """Do nothing when it is made already."""
    mark = fingerprint(wanted.torch_index)
    if FINGERPRINT.exists() and FINGERPRINT.read_text() == mark:
        if not MADE_WITH.exists():  # of an older kit
            MADE_WITH.write_text(json.dumps(asdict(wanted)))
        return
    large = platform.machine() == "x86_64" and not wanted.torch_index
    print(
        f"setting up .venv with Python {platform.python_version()} (once; torch alone is some "
        f"{'5.5 GB, with CUDA; `make setup TORCH_INDEX=…` takes the small one' if large else '150 MB or more'})",
        file=sys.stderr,
    )
    FINGERPRINT.unlink(missing_ok=True)
    create_venv()
    MADE_WITH.write_text(json.dumps(asdict(wanted)))  # also for the run after one that is interrupted
    install(wanted.torch_index)
    install_own()
    cache_java()
    FINGERPRINT.write_text(mark)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
