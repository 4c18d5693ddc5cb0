"""The classes' names, from the forms they come in."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import UsageError

BESIDE_THE_WEIGHTS = ("index_to_name.json", "labels.txt", "classes.txt", "class_to_idx.json", "config.json")
FORMS = 'a JSON {"0": "name", …}, a JSON list of names, or a text file with one name a line'
# UTF-32's mark begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ID2LABEL, LABEL2ID = "id2label", "label2id"  # in a Hugging Face config.json
NUMBERED = {  # by the first number: counted from 1, a bare space is no sign enough ("1 star", "2 stars")
    0: re.compile(r"(\d+)\s*(?:[:;,.)=\t-]|\s)\s*(\S.*)"),
    1: re.compile(r"(\d+)(?:\s*[:;,.)=]|\t)\s*(\S.*)"),
}


@dataclass(frozen=True)
class Labels:
    """`names` by index. `form` is what the file was read as, where it is not the plain one, for the user."""

    names: list[str]
    form: str = ""


def read(path: Path) -> Labels:
    """Raises UsageError when the file is in none of the known forms."""
    if not path.is_file():
        raise UsageError(f"the labels {path} do not exist", f"LABELS=<file>: {FORMS}")
    text = _text(path)
    found = _of_json(text, path) if path.suffix == ".json" or text.lstrip()[:1] in ("{", "[") else _of_lines(text)
    if not found.names or not all(found.names):
        raise _wrong(path, f"hold {'an empty name' if found.names else 'no names'}")
    return found


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith((b"version https://git-lfs", b"<!DOCTYPE", b"<html")):
        what = "an HTML page" if content.startswith(b"<") else "a Git LFS pointer, which stands for the file"
        raise _wrong(path, f"are {what}")
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        kind = "not text" if b"\0" in content else "text in another encoding than UTF-8"
        raise _wrong(path, f"are {kind}") from None
    if "\0" in text:
        raise _wrong(path, "are not text")
    return text


def _of_lines(text: str) -> Labels:
    names = [line.strip() for line in text.splitlines() if line.strip()]
    for first, numbered in NUMBERED.items():
        by_number = {int(match[1]): match[2] for match in map(numbered.fullmatch, names) if match}
        if names and sorted(by_number) == list(range(first, first + len(names))):
            return Labels([by_number[number] for number in sorted(by_number)], f"numbered lines, from {first}")
    return Labels(names)


def _of_json(text: str, path: Path) -> Labels:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"are not JSON: {error}") from None
    form = ""
    if isinstance(document, dict) and (key := next((key for key in (ID2LABEL, LABEL2ID) if key in document), None)):
        document, form = document[key], f"the {key} of a Hugging Face config"
    if isinstance(document, dict) and document and all(type(value) is int for value in document.values()):
        document = {str(index): name for name, index in document.items()}
        form = form or "names with their indices, as ImageFolder's class_to_idx"
    if isinstance(document, dict):
        wanted = [str(index) for index in range(len(document))]
        if missing := [index for index in wanted if index not in document]:
            raise UsageError(f"the labels {path} number {len(document)} classes but have no {missing[0]!r}")
        document = [document[index] for index in wanted]
    if not isinstance(document, list):
        raise _wrong(path, "hold neither an object nor a list")
    names = [_one(entry) for entry in document]
    if None in names:
        raise _wrong(path, f"are wrong: number {names.index(None)} is not a name")
    return Labels([name for name in names if name is not None], form)


def _one(entry: Any) -> str | None:
    """`"tench"`, or TorchServe's own form of the ImageNet labels, `["n01440764", "tench"]`."""
    if isinstance(entry, list) and entry:
        entry = entry[-1]
    return entry.strip() if isinstance(entry, str) else None


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(f"the labels {path} {what}", f"write {FORMS}, in UTF-8")


def beside(weights: Path) -> Path | None:
    """The labels file that lies beside a checkpoint. A config.json is one if it names classes."""
    found = [weights.parent / name for name in BESIDE_THE_WEIGHTS if (weights.parent / name).is_file()]
    return next((path for path in found if path.name != "config.json" or ID2LABEL.encode() in path.read_bytes()), None)


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
