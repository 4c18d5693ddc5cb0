"""A box for each test, and the operator's key."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box.shop import Box, Key


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key.make(tmp_path_factory.mktemp("key"), "operator@desk")


@pytest.fixture
def box(key: Key) -> Iterator[Box]:
    """A provisioned box. Its path is short: a unix socket's may have 107 bytes."""
    root = Path(tempfile.mkdtemp(prefix="box-"))
    made = Box(root, key)
    made.provision()
    yield made
    made.kill_everything()
    shutil.rmtree(root)
