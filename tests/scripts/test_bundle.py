"""`make bundle` as a user types it: real wheels for an ARM box from the package index, a real key, one file."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from common.durable import sha256
from kit.build import PROJECT
from kit.bundle import reading
from kit.bundle.reading import Bundle
from tests.conftest import RunScript, script_environment
from tests.kit.bundle.parts import edge_workshop, make_key
from tests.signers import allowed_signers_line

# Of an ELF file: its magic, and the processor it is for (e_machine, bytes 18 and 19).
ELF, AARCH64 = b"\x7fELF", b"\xb7\x00"


@pytest.fixture(scope="module")
def workstation(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> tuple[Path, dict[str, str]]:
    """A folder with an archived model and a key, and the environment to bundle it."""
    folder = tmp_path_factory.mktemp("workstation")
    workshop = edge_workshop(folder / "workshop")
    environment = script_environment(folder / "build", **workshop.variables())
    for script in ("export", "archive"):
        assert run_script(script, env=environment).returncode == 0
    arm = {"PLATFORM": "linux_aarch64", "BOX_PYTHON": "3.11", "KEY": str(make_key(folder)), "TORCH_INDEX": ""}
    # 200 MB: downloaded once for all runs.
    return folder, environment | arm | {"WHEELS": str(PROJECT / "build" / "wheels")}


@pytest.fixture(scope="module")
def shown(workstation: tuple[Path, dict[str, str]], run_script: RunScript) -> dict[str, str]:
    """The rows that it prints, by name."""
    done = run_script("bundle", env=workstation[1], timeout=280)
    assert done.returncode == 0, done.stderr
    return {row[:9].strip(): row[9:].strip() for row in done.stdout.splitlines()}


@pytest.fixture(scope="module")
def bundle(workstation: tuple[Path, dict[str, str]], shown: dict[str, str]) -> Bundle:
    signers = workstation[0] / "signers"
    signers.write_text(allowed_signers_line(workstation[0] / "key", "operator"))
    return reading.read(Path(shown["bundled"]), signers)


def test_it_says_what_and_for_whom_and_by_whom(shown: dict[str, str], bundle: Bundle) -> None:
    assert shown["release"] == bundle.manifest.release
    assert shown["for"] == "linux_aarch64, Python 3.11"
    assert shown["size"] == f"{bundle.file.stat().st_size / 1e6:.1f} MB"
    wheels = [part for part in bundle.manifest.parts if part.role == "wheel"]
    assert shown["wheels"] == f"{len(wheels)} (runtime {bundle.manifest.runtime_id})"
    assert bundle.signed_by == f"operator, {shown['signed by']}"
    assert shown["sha256"] == sha256(bundle.file)


def test_every_program_and_library_in_it_is_for_arm(bundle: Bundle, tmp_path: Path) -> None:
    wheels = [part for part in bundle.manifest.parts if part.role == "wheel"]
    bundle.extract(tmp_path, [part.sha256 for part in wheels])
    processors: dict[str, bytes] = {}
    for part in wheels:
        with zipfile.ZipFile(tmp_path / part.sha256) as wheel:
            for name in wheel.namelist():
                with wheel.open(name) as member:
                    start = member.read(20)
                if start.startswith(ELF):
                    processors[f"{part.path}: {name}"] = start[18:20]
    assert len(processors) > 50
    assert {name for name, processor in processors.items() if processor != AARCH64} == set()
    assert any(name.endswith("/bin/java") for name in processors)


def test_the_same_again_is_the_same_file(
    workstation: tuple[Path, dict[str, str]], shown: dict[str, str], run_script: RunScript
) -> None:
    done = run_script("bundle", "--json", env=workstation[1])
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["sha256"] == shown["sha256"]
    assert made["platform"] == "linux_aarch64"


@pytest.mark.parametrize(
    ("change", "status", "error", "hint"),
    [
        ({"KEY": ""}, 2, "error: a bundle is signed, and no key was named", "KEY=~/.ssh/id_ed25519"),
        ({"KEY": "ghp_secret"}, 2, "error: the file that KEY names does not exist", "ssh-keygen -t ed25519"),
        ({"KEY": "ghp_secret" * 500}, 2, "error: the file that KEY names does not exist", "ssh-keygen -t ed25519"),
        (
            {"BOX_PYTHON": "3.9"},
            2,
            "error: BOX_PYTHON=3.9 is not a Python that a box can have",
            "BOX_PYTHON=3.11, 3.12",
        ),
        ({"PLATFORM": "linux_mips"}, 2, "error: PLATFORM=linux_mips is not one the kit knows", "linux_aarch64"),
        ({"PROFILE": "cloud-gpu"}, 1, "archive.json does not exist", "make archive PROFILE=cloud-gpu"),
    ],
)
def test_wrong_use_is_told_with_its_mend_and_no_traceback(
    workstation: tuple[Path, dict[str, str]],
    run_script: RunScript,
    change: dict[str, str],
    status: int,
    error: str,
    hint: str,
) -> None:
    done = run_script("bundle", env=workstation[1] | change)
    assert (done.returncode, done.stdout) == (status, "")
    assert error in done.stderr
    assert hint in done.stderr
    assert "ghp_secret" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("python", "command"),
    [
        ("3.11", "python3 scripts/setup.py --chosen"),
        ("python3.12", "python3.12 scripts/setup.py --chosen --given=PYTHON"),
    ],
)
def test_a_boxs_python_is_not_the_one_that_makes_the_venv(python: str, command: str) -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "-n", "setup", f"PYTHON={python}"], cwd=PROJECT, capture_output=True, text=True
    )
    assert " ".join(shown.stdout.split()) == command


def test_a_bundle_leaves_the_venv_as_it_is() -> None:
    """TORCH_INDEX names the box's torch: set-up must not take it for its own."""
    variables = ["PYTHON=3.11", "TORCH_INDEX=/elsewhere"]
    shown = subprocess.run(
        ["make", "--no-print-directory", "-n", "bundle", *variables], cwd=PROJECT, capture_output=True, text=True
    )
    assert re.fullmatch(r"\S+python -m scripts\.bundle\n", shown.stdout)
