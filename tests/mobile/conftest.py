"""These tests run in .venv-mobile, where ExecuTorch and onnxruntime are: `make mobile-test`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunScript, script_environment


@dataclass(frozen=True)
class Delivered:
    """One folder that an app developer takes."""

    folder: Path

    @property
    def card(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads((self.folder / "card.json").read_text())
        return made

    @property
    def files(self) -> list[dict[str, Any]]:
        return list(self.card["files"])


@dataclass(frozen=True)
class Embedded:
    folder: Path
    stdout: str
    stderr: str

    @property
    def delivered(self) -> list[Delivered]:
        return [Delivered(path) for path in sorted(self.folder.iterdir()) if path.is_dir()]

    @property
    def report(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads((self.folder / "comparison.json").read_text())
        return made


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> Embedded:
    """The embedded model in every format and precision, as `make mobile` makes it."""
    build = tmp_path_factory.mktemp("embedded")
    done = run_script("mobile", env=script_environment(build, REPEATS="2"), timeout=3000)
    assert done.returncode == 0, done.stderr
    return Embedded(build / "mobile", done.stdout, done.stderr)
