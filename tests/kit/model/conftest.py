from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from kit.build import Build
from kit.model.export import export
from kit.model.request import Request
from tests.support_models import Workshop, make_workshop


@pytest.fixture(autouse=True)
def engine_as_it_was() -> Iterator[None]:
    """An int8 model sets torch's engine for the whole process."""
    before = torch.backends.quantized.engine
    yield
    torch.backends.quantized.engine = before


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """An own model, whose build goes to `<tmp_path>/build/bench`."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    return make_workshop(tmp_path / "workshop")


@pytest.fixture(scope="session")
def embedded_int8(tmp_path_factory: pytest.TempPathFactory) -> tuple[Build, dict[str, Any]]:
    """The embedded model in int8 for x86-64: its build folder and the export's report."""
    folder = tmp_path_factory.mktemp("int8")
    profile = make_workshop(folder / "workshop", "int8").profile
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("BUILD", str(folder / "build"))
        return profile.build, export(profile, Request(platform="linux_x86_64")).report
