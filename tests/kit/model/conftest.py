from typing import Any

import pytest

from kit.build import Build
from kit.model.export import export
from kit.model.source.request import Request
from tests.support_models import make_workshop


@pytest.fixture(scope="session")
def embedded_int8(tmp_path_factory: pytest.TempPathFactory) -> tuple[Build, dict[str, Any]]:
    """The embedded model in int8 for x86-64: its build folder and the export's report."""
    folder = tmp_path_factory.mktemp("int8")
    profile = make_workshop(folder / "workshop", "int8").profile
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("BUILD", str(folder / "build"))
        return profile.build, export(profile, Request(platform="linux_x86_64")).report
