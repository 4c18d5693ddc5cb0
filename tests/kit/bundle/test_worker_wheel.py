"""The worker as a wheel: the same bytes each time, and whole once pip has installed it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kit.bundle.wheels import distribution, worker_wheel
from kit.serving.launch import WORKER


def test_the_same_worker_is_the_same_wheel(tmp_path: Path) -> None:
    (tmp_path / "another").mkdir()
    first, second = worker_wheel.write(tmp_path), worker_wheel.write(tmp_path / "another")
    assert first.read_bytes() == second.read_bytes()
    found = distribution.read(first)
    assert (found.name, found.licence, found.is_expression) == ("vision-serve-worker", "Apache-2.0", True)


def test_what_pip_installs_is_a_home_for_torchserve(tmp_path: Path) -> None:
    wheel = worker_wheel.write(tmp_path)
    target = tmp_path / "site-packages"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    done = subprocess.run([*command, str(wheel)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for file in (path for path in WORKER.rglob("*") if path.suffix in (".py", ".txt", ".yaml")):
        assert (target / "worker" / file.relative_to(WORKER)).read_bytes() == file.read_bytes()
    code = "import worker.parent, worker.serving; print(worker.__file__)"
    told = subprocess.run([sys.executable, "-c", code], cwd=target, capture_output=True, text=True)
    assert told.stdout.strip() == str(target / "worker" / "__init__.py"), told.stderr
