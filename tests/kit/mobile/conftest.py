from pathlib import Path

import pytest

from kit.mobile.formats.choice import FORMATS, PhoneTarget
from kit.mobile.making import Made, Maker
from kit.model.source.resolving import checked_on, resolve
from tests.support_models import Workshop


@pytest.fixture
def maker(workshop: Workshop) -> Maker:
    source = resolve(workshop.request())
    return Maker(source, workshop.request(), checked_on(workshop.request(), source.labels).pictures, "tiny")


@pytest.fixture
def made(maker: Maker, tmp_path: Path) -> Made:
    """PyTorch Mobile's files in fp32: what torch alone can make."""
    return maker.make(PhoneTarget(FORMATS["ptl"], "fp32"), tmp_path)
