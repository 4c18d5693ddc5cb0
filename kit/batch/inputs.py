"""Which pictures IMAGE names: one, or many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.errors import UsageError
from kit.model.pictures import choosing
from kit.model.pictures.choosing import Found, Picture

NAME = "IMAGE"
LISTS = (".txt", ".lst")


def single(wanted: str) -> Path | None:
    """The one picture that is meant; None when it is many, or a name that leads to nothing."""
    path = Path(wanted)
    return path if path.is_file() and path.suffix.lower() not in LISTS else None


def many(wanted: str, labels: Sequence[str] | None) -> Found:
    """The pictures in a folder, of a glob, or of a list with a path a line, from where the command runs.

    `labels`: the model's, if known; pictures in folders of these names are labelled. One that a list names and that is
    not there is kept: it is a row that says so. Raises UsageError when it names nothing.
    """
    path = Path(wanted)
    if not (path.is_file() and path.suffix.lower() in LISTS):
        return choosing.find(wanted, NAME, labels)
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise UsageError(f"{NAME}={wanted} cannot be read: {error.strerror}") from None
    files = list(dict.fromkeys(Path(line) for line in lines if line.strip()))
    if not files:
        raise UsageError(f"{NAME}={wanted} is an empty list", "write a picture's path on each line")
    if labels is None:
        return Found([Picture(file, None) for file in files])
    pictures, notes = choosing.labelled(files, labels, NAME)
    return Found(pictures, tuple(notes))
