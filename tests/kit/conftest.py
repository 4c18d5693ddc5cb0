"""An own model to try things on, a small server, and torch left as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.kit.small_server import Serve, servers
from tests.support_models import Workshop, make_workshop


@pytest.fixture(autouse=True)
def engine_as_it_was() -> Iterator[None]:
    """An int8 model sets torch's engine for the whole process."""
    before = torch.backends.quantized.engine
    yield
    torch.backends.quantized.engine = before


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(answer)` → a running SmallServer."""
    with servers() as start:
        yield start


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """An own model, whose files go below `<tmp_path>/build`."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    return make_workshop(tmp_path / "workshop")
