"""What became of each picture: a journal while it goes on, and a CSV or JSON lines file when all are asked.

The journal makes it resumable: a picture that has its answer from the same model is not asked again, unless its file
has changed.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from common.errors import UsageError
from kit.files import replacing

KINDS = (".csv", ".jsonl")
COLUMNS = ("file", "true_label", "label", "probability", "second_label", "second_probability", "error")


@dataclass(frozen=True)
class Row:
    """`answer` is `{label: probability}`, best first, or {} with an `error`; `true_label` None where none is known."""

    file: Path
    true_label: str | None
    answer: Mapping[str, float]
    error: str

    @property
    def label(self) -> str:
        return next(iter(self.answer), "")


def output(wanted: str, default: Path) -> Path:
    """Where the rows go. Raises UsageError for a name of neither kind."""
    path = Path(wanted) if wanted else default
    if path.suffix.lower() not in KINDS or path.is_dir():
        raise UsageError(f"OUT={wanted} is not a .csv or .jsonl file", "OUT=answers.csv, or OUT=answers.jsonl")
    return path


class Journal:
    """Beside the output until that is written. `asked` is whom: the answers of another model are thrown away."""

    def __init__(self, output: Path, asked: Mapping[str, str]) -> None:
        self._path = output.with_name(f".{output.name}.journal")
        self._asked = dict(asked)
        self._file: TextIO

    @contextmanager
    def opened(self) -> Iterator[dict[str, dict[str, float]]]:
        """The answers that it has, by `key`; it goes on being written until the block ends."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        known = self._read()
        with replacing(self._path) as fresh, fresh.open("w", encoding="utf-8") as file:
            file.write(json.dumps(self._asked) + "\n")
            file.writelines(_line(key, answer) for key, answer in known.items())
        with self._path.open("a", encoding="utf-8") as self._file:
            yield known

    def note(self, row: Row) -> None:
        """An answer. What was refused is asked again by the next run."""
        if row.answer:
            self._file.write(_line(key(row.file), row.answer))
            self._file.flush()

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, dict[str, float]]:
        """Up to the line that a crash has torn."""
        known: dict[str, dict[str, float]] = {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            first, *lines = self._path.read_text(encoding="utf-8").splitlines()
            if json.loads(first) == self._asked:
                for line in lines:
                    row = json.loads(line)
                    known[row["key"]] = row["answer"]
        return known


def _line(key: str, answer: Mapping[str, float]) -> str:
    return json.dumps({"key": key, "answer": answer}) + "\n"


def key(file: Path) -> str:
    """Another one when the file changes. "" for one that cannot be looked at."""
    try:
        found = file.stat()
    except OSError:
        return ""
    return f"{file} {found.st_size} {found.st_mtime_ns}"


def write(output: Path, rows: Iterable[Row]) -> None:
    """Whole or not at all. Names that are not UTF-8 come out byte for byte in CSV, escaped in JSON."""
    with replacing(output) as fresh, fresh.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        if output.suffix.lower() == ".csv":
            written = csv.writer(file, lineterminator="\n")
            written.writerow(COLUMNS)
            written.writerows(_cells(row) for row in rows)
        else:
            file.writelines(json.dumps(_document(row)) + "\n" for row in rows)


def _cells(row: Row) -> list[str]:
    best = [cell for label, probability in row.answer.items() for cell in (label, f"{probability:.4f}")][:4]
    return [os.fspath(row.file), row.true_label or "", *best, *[""] * (4 - len(best)), row.error]


def _document(row: Row) -> dict[str, Any]:
    return {"file": os.fspath(row.file), "true_label": row.true_label, "answer": row.answer, "error": row.error or None}
