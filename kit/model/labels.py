"""The classes' names, from the forms they come in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from kit.errors import UsageError
from kit.files import read_json

BESIDE_THE_WEIGHTS = ("index_to_name.json", "labels.txt")
FORMS = 'a JSON {"0": "name", …}, a JSON list of names, or a text file with one name a line'


def read(path: Path) -> list[str]:
    """Names by index. Raises UsageError when the file is in none of the known forms."""
    if not path.is_file():
        raise UsageError(f"the labels {path} are not there", f"LABELS=<file>: {FORMS}")
    if path.suffix == ".json":
        names = _of_json(read_json(path), path)
    else:
        try:
            names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except UnicodeDecodeError:
            raise UsageError(f"the labels {path} are not a text file", f"LABELS=<file>: {FORMS}") from None
    if not names or not all(names):
        raise UsageError(f"the labels {path} hold {'an empty name' if names else 'no names'}", f"write {FORMS}")
    return names


def _of_json(document: Any, path: Path) -> list[str]:
    if isinstance(document, dict):
        wanted = [str(index) for index in range(len(document))]
        if missing := [index for index in wanted if index not in document]:
            raise UsageError(f"the labels {path} number {len(document)} classes but have no {missing[0]!r}")
        document = [document[index] for index in wanted]
    if not isinstance(document, list):
        raise UsageError(f"the labels {path} hold neither an object nor a list", f"write {FORMS}")
    names = [_one(entry) for entry in document]
    if None in names:
        raise UsageError(f"the labels {path}: number {names.index(None)} is not a name", f"write {FORMS}")
    return [name for name in names if name is not None]


def _one(entry: Any) -> str | None:
    """`"tench"`, or TorchServe's own form of the ImageNet labels, `["n01440764", "tench"]`."""
    if isinstance(entry, list) and entry:
        entry = entry[-1]
    return entry.strip() if isinstance(entry, str) else None


def beside(weights: Path) -> Path | None:
    """The labels file that lies beside a checkpoint."""
    found = (weights.parent / name for name in BESIDE_THE_WEIGHTS)
    return next((path for path in found if path.is_file()), None)


def distinct(names: list[str]) -> list[str]:
    """Names told apart by index where two are the same: answers are keyed by name ("crane (134)")."""
    counted = Counter(names)
    made = [f"{name} ({index})" if counted[name] > 1 else name for index, name in enumerate(names)]
    if len(set(made)) < len(made):
        twice = Counter(made).most_common(1)[0][0]
        raise UsageError(f"two classes are called {twice!r}", "give every class its own name in LABELS")
    return made


def document(names: list[str]) -> dict[str, str]:
    """What index_to_name.json holds."""
    return {str(index): name for index, name in enumerate(names)}
