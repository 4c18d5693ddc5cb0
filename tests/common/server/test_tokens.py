"""Each fact about TorchServe's tokens is read in one place, whatever a killed server left in the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.server import tokens


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "key_file.json"
    file.write_text(json.dumps({name: {"key": f"{name}-key"} for name in ("management", "inference", "API")}))
    return file


def test_header_files_open_the_server(tmp_path: Path, keys: Path) -> None:
    inference, management = tmp_path / "inference.header", tmp_path / "management.header"
    assert tokens.write_headers(keys, inference, management, tokens.GROUP)
    assert inference.read_text() == "Authorization: Bearer inference-key\n"
    assert tokens.read_header(management) == {"Authorization": "Bearer management-key"}
    assert (inference.stat().st_mode & 0o777, management.stat().st_mode & 0o777) == (0o640, 0o600)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"API": {}}', '{"API": 7}', '{"API": {"key": "a"}}'])
def test_no_headers_before_torchserve_has_written_its_tokens(tmp_path: Path, content: str) -> None:
    keys, inference, management = (tmp_path / name for name in ("key_file.json", "inference", "management"))
    keys.write_text(content)
    assert not tokens.write_headers(keys, inference, management)
    assert not inference.exists() and not management.exists()


def test_without_a_file_there_is_no_token(tmp_path: Path) -> None:
    assert tokens.read_keys(tmp_path / "none.json") == {}
    assert tokens.read_header(tmp_path / "none.header") == {}


def test_all_tokens_of_the_file(keys: Path) -> None:
    assert tokens.read_keys(keys)["API"] == "API-key"
