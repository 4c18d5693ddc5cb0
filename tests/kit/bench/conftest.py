"""A picture to send."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "picture.jpg"
    file.write_bytes(b"\xff\xd8" + bytes(range(256)) * 400)
    return file
