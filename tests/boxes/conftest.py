"""Boxes that really boot, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.boxes import session
from tests.boxes.session import Session


@pytest.fixture(scope="session")
def boxes_session() -> Iterator[Session]:
    with session.opened() as opened:
        yield opened
