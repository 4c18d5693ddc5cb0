from pathlib import Path

import pytest

from common.errors import KitError
from kit import files


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "file"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_modes_are_as_asked(tmp_path: Path) -> None:
    files.write_text(tmp_path / "secret", "x", mode=0o600)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_json_that_is_missing_or_broken_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(KitError, match="does not exist") as caught:
        files.read_json(path, "make export")
    assert caught.value.hint == "make export"
    path.write_text("{")
    with pytest.raises(KitError, match="cannot be read as JSON"):
        files.read_json(path)
    files.write_json(path, {"label": "Äpfel"})
    assert files.read_json(path) == {"label": "Äpfel"}
