"""A journal is only added to, and loses no line that was written whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from common import json_lines
from common.errors import KitError


def test_what_is_added_is_read_in_order(tmp_path: Path) -> None:
    file = tmp_path / "made on the way" / "history.jsonl"
    for number in range(3):
        json_lines.append(file, {"number": number, "label": "é"})
    assert json_lines.read(file) == [{"number": number, "label": "é"} for number in range(3)]


@pytest.mark.parametrize("torn", [b'{"number": 1, "lab', b"\0" * 40, b'{"number": 1'])
def test_a_line_that_a_crash_tore_takes_no_other_with_it(tmp_path: Path, torn: bytes) -> None:
    file = tmp_path / "history.jsonl"
    json_lines.append(file, {"number": 0})
    with file.open("ab") as opened:
        opened.write(torn)
    json_lines.append(file, {"number": 2})
    assert json_lines.read(file) == [{"number": 0}, {"number": 2}]


def test_noise_and_other_json_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_bytes(b'\xff\xfe\n[1]\n"text"\n\n{"number": 0}\n' + b"[" * 100_000 + b"\n")
    assert json_lines.read(file) == [{"number": 0}]


def test_a_disk_that_takes_nothing_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"history\.jsonl cannot be written: Is a directory"):
        (tmp_path / "history.jsonl").mkdir()
        json_lines.append(tmp_path / "history.jsonl", {})
    assert json_lines.read(tmp_path / "none.jsonl") == []
