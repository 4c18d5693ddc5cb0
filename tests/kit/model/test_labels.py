import json
from pathlib import Path
from typing import Any

import pytest

from kit.errors import KitError, UsageError
from kit.model import labels


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.json", '{"1": "pear", "0": "apple"}'),
        ("l.json", '["apple", "pear"]'),
        ("l.json", '{"0": ["n1", "apple"], "1": ["n2", "pear"]}'),
        ("l.txt", "apple\npear\n\n"),
    ],
)
def test_every_form_reads_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert labels.read(tmp_path / name) == ["apple", "pear"]


@pytest.mark.parametrize("document", [{"0": "a", "2": "b"}, [], "a", [1, 2], {"a": "b"}, ["a", ""]])
def test_what_names_no_classes_is_wrong_use(tmp_path: Path, document: Any) -> None:
    (tmp_path / "l.json").write_text(json.dumps(document))
    with pytest.raises(UsageError, match="the labels"):
        labels.read(tmp_path / "l.json")


def test_broken_files_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text("{")
    (tmp_path / "l.txt").write_bytes(b"\xff\xfe\x00")
    for name in ("l.json", "l.txt", "absent.txt"):
        with pytest.raises(KitError, match=name):
            labels.read(tmp_path / name)


def test_names_that_come_twice_are_told_apart_by_index() -> None:
    assert labels.distinct(["crane", "tench", "crane"]) == ["crane (0)", "tench", "crane (2)"]


def test_names_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(UsageError, match=r"crane \(0\)"):
        labels.distinct(["crane", "crane (0)", "crane"])
