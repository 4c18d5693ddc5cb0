"""The journal, and what is written at the end."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from common.errors import UsageError
from kit.batch import results
from kit.batch.results import Journal, Row, key

ANSWER = {"Pear": 0.75, "Apple": 0.25}
ASKED = {"model": "fruit", "version": "1.0"}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"1")
    return file


def known(output: Path, asked: dict[str, str] = ASKED) -> dict[str, dict[str, float]]:
    with Journal(output, asked).opened() as found:
        return found


def noted(output: Path, *rows: Row) -> Journal:
    journal = Journal(output, ASKED)
    with journal.opened():
        for row in rows:
            journal.note(row)
    return journal


def test_an_answer_is_known_to_the_next_run_and_to_the_one_after(tmp_path: Path, photo: Path) -> None:
    output = tmp_path / "answers.csv"
    noted(output, Row(photo, None, ANSWER, ""))
    assert known(output) == {key(photo): ANSWER}
    assert known(output) == {key(photo): ANSWER}


def test_what_was_refused_is_asked_again(tmp_path: Path, photo: Path) -> None:
    output = tmp_path / "answers.csv"
    noted(output, Row(photo, None, {}, "HTTP 503"))
    assert known(output) == {}


def test_a_file_that_changed_is_another(photo: Path) -> None:
    before = key(photo)
    photo.write_bytes(b"22")
    assert key(photo) != before
    photo.unlink()
    assert key(photo) == ""


def test_answers_of_another_model_are_not_taken(tmp_path: Path, photo: Path) -> None:
    output = tmp_path / "answers.csv"
    noted(output, Row(photo, None, ANSWER, ""))
    assert known(output, ASKED | {"version": "2.0"}) == {}
    assert known(output) == {}, "it is the other model's now"


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"[]\n", b"not json\n"])
def test_a_journal_that_is_none(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / ".answers.csv.journal").write_bytes(damage)
    assert known(tmp_path / "answers.csv") == {}


def test_a_line_that_a_crash_tore_costs_only_itself(tmp_path: Path, photo: Path) -> None:
    output = tmp_path / "answers.csv"
    noted(output, Row(photo, None, ANSWER, ""))
    with (tmp_path / ".answers.csv.journal").open("a") as file:
        file.write('{"key": "half')
    assert known(output) == {key(photo): ANSWER}
    noted(output, Row(tmp_path / "answers.csv", None, ANSWER, ""))
    assert len(known(output)) == 2


def test_the_journal_goes_when_it_is_not_needed_any_more(tmp_path: Path, photo: Path) -> None:
    noted(tmp_path / "answers.csv", Row(photo, None, ANSWER, "")).remove()
    assert {path.name for path in tmp_path.iterdir()} == {"photo.jpg"}


ROWS = [
    Row(Path("a, b.jpg"), "Pear", ANSWER, ""),
    Row(Path(os.fsdecode(b"\xff.jpg")), None, {"Pear": 1.0}, ""),
    Row(Path("c.jpg"), None, {}, 'HTTP 415: "not"\na picture'),
]


def test_csv_is_read_back_as_it_was(tmp_path: Path) -> None:
    results.write(tmp_path / "out.csv", ROWS)
    with (tmp_path / "out.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        first, second, third = csv.DictReader(file)
    assert first == {
        "file": "a, b.jpg",
        "true_label": "Pear",
        "label": "Pear",
        "probability": "0.7500",
        "second_label": "Apple",
        "second_probability": "0.2500",
        "error": "",
    }
    assert os.fsencode(second["file"]) == b"\xff.jpg"
    assert (second["probability"], second["second_label"]) == ("1.0000", "")
    assert (third["label"], third["error"]) == ("", 'HTTP 415: "not"\na picture')


def test_json_lines_have_the_whole_answer(tmp_path: Path) -> None:
    results.write(tmp_path / "out.jsonl", ROWS)
    first, second, third = map(json.loads, (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines())
    assert first == {"file": "a, b.jpg", "true_label": "Pear", "answer": ANSWER, "error": None}
    assert os.fsencode(second["file"]) == b"\xff.jpg"
    assert (third["answer"], third["error"]) == ({}, 'HTTP 415: "not"\na picture')


def test_where_the_rows_go(tmp_path: Path) -> None:
    assert results.output("", tmp_path / "x.csv") == tmp_path / "x.csv"
    assert results.output("here.JSONL", tmp_path / "x.csv") == Path("here.JSONL")
    (tmp_path / "folder.csv").mkdir()
    for wrong in ("answers.xlsx", "answers", str(tmp_path / "folder.csv")):
        with pytest.raises(UsageError, match=r"OUT=.* is not a \.csv or \.jsonl file"):
            results.output(wrong, tmp_path / "x.csv")
