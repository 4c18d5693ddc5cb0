"""What the tests share: running a script as a user would, in a build folder of the test's own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.build import PROJECT

# What a developer's shell may hold and a test must not see.
OURS = {
    *("PROFILE", "PROMETHEUS", "BUILD", "ARCH", "WEIGHTS", "LABELS", "PICTURES", "PREPROCESSING", "MODEL_VERSION"),
    *(
        "IMAGE",
        "OUT",
        "RUNTIME",
        "URL",
        "MANAGEMENT_URL",
        "METRICS_URL",
        "GRPC",
        "MODEL",
        "JSON",
        "JUNIT",
        "FOREGROUND",
    ),
    *("PRECISION", "PLATFORM", "CALIBRATION", "MAX_ACCURACY_DROP", "MIN_AGREEMENT"),
    *("OBJECTIVE", "SLO_P99_MS", "MEMORY_LIMIT_MB", "BUDGET", "CLIENTS", "DURATION", "REPEATS"),
    *("AGAINST", "LIMIT", "FORMAT", "RUNTIME"),
    *("FLEET", "HOSTS", "BUNDLE", "SIGNERS", "SSH_CONFIG", "RESUME", "BREAK_LOCK", "DRY_RUN"),
    *("KEY", "BASE", "BOX_PYTHON", "TORCH_INDEX", "WHEELS", "WEIGHTS_KEY", "MULTILABEL"),
    *("GATEWAY", "CERTIFICATE", "PRIVATE_KEY", "CLIENT_CA", "NGINX", "NAME", "REVOKE", "RATE"),
    *("GOLDEN", "HEADER_FILE", "MANAGEMENT_HEADER_FILE", "MODEL_NAME", "MODELS", "SHARE", "SINCE", "MONITOR"),
}

RunScript = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in OURS or name.startswith("TS_"):
            monkeypatch.delenv(name)


def script_environment(build: Path, **variables: str) -> dict[str, str]:
    """The environment for a script whose files go to `build`, and the user's settings beside it."""
    clean = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("TS_")}
    settings = build.with_name(f"{build.name}.settings")
    return clean | {"BUILD": str(build), "XDG_CONFIG_HOME": str(settings)} | variables


@pytest.fixture(scope="session")
def run_script() -> RunScript:
    """`run_script("server", "start", env=…)` → the finished process, with its words as text."""

    def run(name: str, *arguments: str, env: dict[str, str], timeout: float = 200) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", f"scripts.{name}", *arguments],
            cwd=PROJECT,
            env=env,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


@pytest.fixture(scope="session")
def archive_root(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript, worker_id: str) -> Path:
    """A build folder that holds the embedded model's archive for the onprem profile. Of processes that run tests side
    by side one makes it, and the others copy it."""
    own = tmp_path_factory.mktemp("build")
    if worker_id == "master":
        return _archived(own, run_script)
    shared = tmp_path_factory.getbasetemp().parent / "archived"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            making = shared.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            _archived(making, run_script).rename(shared)
    shutil.copytree(shared, own, dirs_exist_ok=True)
    return own


def _archived(root: Path, run_script: RunScript) -> Path:
    for name in ("export", "archive"):
        made = run_script(name, env=script_environment(root, PROFILE="onprem"))
        assert made.returncode == 0, made.stderr
    return root
