"""The pictures a bench asks about: real, of stated sizes, and the same every time."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from common.errors import UsageError
from kit.bench.load import pictures


def test_the_reference_picture(tmp_path: Path) -> None:
    chosen = pictures.choose("reference", tmp_path / "one")
    (file,) = chosen.files
    with Image.open(file) as opened:
        assert (opened.format, opened.size) == ("JPEG", (640, 427))
    assert file.stat().st_size == pytest.approx(100_000, rel=0.1)
    again = pictures.choose("reference", tmp_path / "two").files[0]
    assert again.read_bytes() == file.read_bytes()


def test_a_mix_of_sizes_spread_evenly(tmp_path: Path) -> None:
    files = pictures.choose("mixed", tmp_path).files
    widths = []
    for file in files:
        with Image.open(file) as opened:
            widths.append(opened.width)
    assert [sum(width == wanted for width in widths) for wanted in (640, 1632, 4000)] == [8, 3, 1]
    assert len({file.name for file in files}) == len(files) == 20
    halves = widths[:10], widths[10:]
    assert all(sum(width == 640 for width in half) == 4 for half in halves)


def test_one_of_the_users_own(tmp_path: Path) -> None:
    own = tmp_path / "own.jpg"
    Image.new("RGB", (50, 40), "red").save(own)
    assert list(pictures.choose(str(own), tmp_path).files) == [own]


def test_anything_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PICTURES=many is not a file"):
        pictures.choose("many", tmp_path)
