from __future__ import annotations

import hashlib
from pathlib import Path

from common import durable


def test_sha256_of_more_than_one_chunk(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "f").write_bytes(content)
    assert durable.sha256(tmp_path / "f") == hashlib.sha256(content).hexdigest()
