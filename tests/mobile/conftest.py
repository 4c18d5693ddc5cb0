"""These tests run in .venv-mobile, where ExecuTorch and onnxruntime are: `make mobile-test`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit.mobile.formats.choice import targets
from kit.mobile.run import mobile
from tests.conftest import RunScript, script_environment
from tests.support_models import Workshop, make_workshop


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
class Delivery:
    """All that one `make mobile` made, and what it said."""

    folder: Path
    stdout: str = ""
    stderr: str = ""

    @property
    def delivered(self) -> list[Delivered]:
        return [Delivered(path) for path in sorted(self.folder.iterdir()) if path.is_dir()]

    @property
    def report(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads((self.folder / "comparison.json").read_text())
        return made


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> Delivery:
    """The embedded model for ExecuTorch in both precisions, as `make mobile FORMAT=pte` makes it."""
    build = tmp_path_factory.mktemp("embedded")
    done = run_script("mobile", env=script_environment(build, REPEATS="2", FORMAT="pte"), timeout=3000)
    assert done.returncode == 0, done.stderr
    return Delivery(build / "mobile", done.stdout, done.stderr)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make_workshop(tmp_path_factory.mktemp("tiny") / "workshop")


@pytest.fixture(scope="session")
def tiny(workshop: Workshop) -> Delivery:
    """A small network in every format and precision."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("BUILD", str(workshop.folder.parent / "build"))
        return Delivery(mobile(workshop.request(model_name="tiny"), targets("", ""), repeats=1).folder)
