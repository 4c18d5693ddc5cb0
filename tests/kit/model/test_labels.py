import codecs
import json
from pathlib import Path
from typing import Any

import pytest

from common.errors import KitError, UsageError
from kit.model.source import labels

APPLE_PEAR = ["apple", "pear"]
HUGGING_FACE = {"architectures": ["X"], "id2label": {"0": "apple", "1": "pear"}, "label2id": {"apple": 0, "pear": 1}}


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("l.json", '{"1": "pear", "0": "apple"}', ""),
        ("l.json", '["apple", "pear"]', ""),
        ("l.txt", '["apple", "pear"]', ""),
        ("l.json", '{"0": ["n1", "apple"], "1": ["n2", "pear"]}', ""),
        ("l.txt", "apple\npear\n\n", ""),
        ("l.txt", "apple\r\npear\r\n", ""),
        ("l.json", '{"pear": 1, "apple": 0}', "class_to_idx"),
        ("config.json", json.dumps(HUGGING_FACE), "id2label of a Hugging Face config"),
        ("config.json", '{"label2id": {"pear": 1, "apple": 0}}', "label2id of a Hugging Face config"),
        ("l.txt", "0 apple\n1 pear\n", "numbered lines, from 0"),
        ("l.txt", "1: pear\n0: apple\n", "numbered lines, from 0"),
        ("l.txt", "1. apple\n2. pear\n", "numbered lines, from 1"),
        ("l.csv", "0,apple\n1,pear\n", "numbered lines, from 0"),
        ("l.txt", "0\tapple\n1\tpear\n", "numbered lines, from 0"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_every_form_reads_the_same(tmp_path: Path, name: str, text: str, form: str, encoding: str) -> None:
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    (tmp_path / name).write_bytes(mark + text.encode(encoding))
    found = labels.read(tmp_path / name)
    assert found.names == APPLE_PEAR
    assert bool(found.form) == bool(form)
    assert form in found.form


@pytest.mark.parametrize("lines", [["0", "1", "2"], ["1 star", "2 stars"], ["0 stars", "1 star", "many stars"]])
def test_names_that_begin_with_numbers_are_names(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "l.txt").write_text("\n".join(lines))
    assert labels.read(tmp_path / "l.txt") == labels.Labels(lines)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        ("café".encode("cp1252"), "text in another encoding than UTF-8"),
        (b"\x80\x04\x95\x00\x00", "not text"),
        (b"apple\x00pear", "not text"),
    ],
)
def test_what_is_no_list_of_names_is_named_for_what_it_is(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "l.txt").write_bytes(content)
    with pytest.raises(UsageError, match=f"are {what}"):
        labels.read(tmp_path / "l.txt")


def test_what_lies_beside_the_weights_is_found_and_a_config_only_if_it_names_classes(tmp_path: Path) -> None:
    weights = tmp_path / "w.pt"
    (tmp_path / "config.json").write_text('{"lr": 0.1}')
    assert labels.beside(weights) is None
    (tmp_path / "config.json").write_text(json.dumps(HUGGING_FACE))
    assert labels.beside(weights) == tmp_path / "config.json"
    (tmp_path / "labels.txt").write_text("apple\npear\n")
    assert labels.beside(weights) == tmp_path / "labels.txt"


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
