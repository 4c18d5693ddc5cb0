"""An own model to try things on, and torch left as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.support_models import Workshop, make_workshop


@pytest.fixture(autouse=True)
def engine_as_it_was() -> Iterator[None]:
    """An int8 model sets torch's engine for the whole process."""
    before = torch.backends.quantized.engine
    yield
    torch.backends.quantized.engine = before


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """An own model, whose files go below `<tmp_path>/build`."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    return make_workshop(tmp_path / "workshop")
