"""A report's files: the page, and its figures for other programs."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from kit import files
from kit.report.document import moment

PAGE, JSON, CSV = "report.html", "report.json", "report.csv"
FIRST = ("server", "time")


def write(folder: Path, document: dict[str, Any], page: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(folder / PAGE, page)
    files.write_json(folder / JSON, document)
    files.write_text(folder / CSV, as_csv(document))


def as_csv(document: dict[str, Any]) -> str:
    """A line for each server and step in which something was recorded: its figures, and a column for each label."""
    rows = [
        {"server": server["name"], "time": moment(line["at"]), **_flat(line)}
        for server in document["servers"]
        for line in server["lines"]
        if len(line) > 1
    ]
    columns = [*FIRST, *dict.fromkeys(name for row in rows for name in row if name not in FIRST)]
    written = io.StringIO()
    table = csv.DictWriter(written, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return written.getvalue()


def _flat(line: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in line.items():
        if isinstance(value, dict):
            found |= {f"{name}: {key}": count for key, count in value.items()}
        elif name != "at":
            found[name] = round(value, 4) if isinstance(value, float) else value
    return found
