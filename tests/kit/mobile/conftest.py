from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from kit.mobile.choice import FORMATS, Target
from kit.mobile.making import Made, Maker
from kit.model import pictures
from kit.model.source import resolve
from tests.support_models import Workshop, make_workshop


@pytest.fixture(autouse=True)
def engine_as_it_was() -> Iterator[None]:
    """An int8 model sets torch's engine for the whole process."""
    before = torch.backends.quantized.engine
    yield
    torch.backends.quantized.engine = before


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """An own model, whose files go to `<tmp_path>/build/mobile`."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    return make_workshop(tmp_path / "workshop")


@pytest.fixture
def maker(workshop: Workshop) -> Maker:
    source = resolve(workshop.request())
    return Maker(source, workshop.request(), pictures.find(workshop.pictures, source.labels), "tiny")


@pytest.fixture
def made(maker: Maker, tmp_path: Path) -> Made:
    """PyTorch Mobile's files in fp32: what torch alone can make."""
    return maker.make(Target(FORMATS["ptl"], "fp32"), tmp_path)
