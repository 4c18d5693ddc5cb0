from pathlib import Path

import pytest

from tests.support_models import Workshop, make_workshop


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """An own model, whose build goes to `<tmp_path>/build/bench`."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    return make_workshop(tmp_path / "workshop")
