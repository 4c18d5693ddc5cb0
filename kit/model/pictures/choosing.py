"""The photographs a model is checked or calibrated on: folders of them, or files."""

from __future__ import annotations

import difflib
import glob
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import kit.handlers  # noqa: F401
import picture_formats
from common.errors import UsageError

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
HEIC = (".heic", ".heif")  # where the handler's optional decoder is installed
NOT_READ = (".jxl", ".jp2", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw")
LITTER_FOLDERS = ("__MACOSX",)  # and all whose names begin with a dot


@dataclass(frozen=True)
class Picture:
    """`label` is None for a photograph nobody named."""

    file: Path
    label: str | None


@dataclass(frozen=True)
class Found:
    """`notes`: what was passed over, and which folders are no labels, for the user."""

    pictures: list[Picture]
    notes: tuple[str, ...] = ()


def suffixes() -> tuple[str, ...]:
    """The endings of the files that the handler can decode here."""
    return (*SUFFIXES, *HEIC) if picture_formats.HEIC_DECODER else SUFFIXES


def find(wanted: str, name: str, labels: Sequence[str] | None = None) -> Found:
    """The pictures that `wanted` names: a folder and all below it, a file, or several of both as the shell writes them,
    patterns like `photos/*.jpg` among them.
    Sorted; labelled when all of them lie in folders named like `labels`, the model's.

    `name` is what the user calls them: PICTURES or CALIBRATION. Raises UsageError when it names nothing, or no picture.
    """
    files: list[Path] = []
    passed: Counter[str] = Counter()
    for place in places(wanted, name):
        for path in sorted(place.rglob("*"), key=lambda path: path.parts) if place.is_dir() else [place]:
            if not path.is_file():
                continue
            below = path.relative_to(place).parts if place.is_dir() else (path.name,)
            if why := _passed_over(path, below):
                passed[why] += 1
            elif path.suffix.lower() in suffixes() or not place.is_dir():
                files.append(path)
    notes = [f"{name}: passed over {count} {_counted(why, count)}" for why, count in sorted(passed.items())]
    if not files:
        raise UsageError(
            f"there is no picture in {name}={wanted}",
            "; ".join([*notes, f"put some there ({', '.join(suffixes())})"]),
        )
    if labels is None:
        return Found([Picture(path, None) for path in files], tuple(notes))
    pictures, about_folders = labelled(files, labels, name)
    return Found(pictures, (*notes, *about_folders))


def places(wanted: str, name: str) -> list[Path]:
    """The folders and files that a variable of that name holds. Raises UsageError for one that does not exist."""
    if Path(wanted).exists():
        return [Path(wanted)]
    try:
        words = shlex.split(wanted)
    except ValueError:  # an apostrophe in a name
        words = [wanted]
    found = [path for word in words for path in _expanded(word)]
    if absent := [str(path) for path in found if not path.exists()]:
        raise UsageError(f"{name}={wanted}: {absent[0]} does not exist", f"{name}=<a folder, or pictures>")
    return found


def _expanded(word: str) -> list[Path]:
    """What a pattern stands for; make hands it on as it was written."""
    found = glob.glob(word, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    return [Path(name) for name in sorted(found)] or [Path(word)]


def _passed_over(path: Path, below: Sequence[str]) -> str:
    """Why a file is not looked at: what systems and programs leave between pictures. "" when it is."""
    if any(part.startswith(".") or part in LITTER_FOLDERS for part in below):
        return "hidden files (._*, __MACOSX and the like)" if path.suffix.lower() in suffixes() else ""
    if path.suffix.lower() in (*HEIC, *NOT_READ) and path.suffix.lower() not in suffixes():
        return f"{path.suffix.lower()} files, a kind that is not read: save them as JPEG"
    if path.suffix.lower() in suffixes() and path.stat().st_size == 0:
        return "empty files"
    return ""


def _counted(what: str, count: int) -> str:
    return what if count > 1 else what.replace("files", "file").replace("them", "it")


def labelled(files: Sequence[Path], labels: Sequence[str], name: str) -> tuple[list[Picture], list[str]]:
    """The pictures with their folders' labels, if every folder is one; else which is not."""
    known = {_folded(label): label for label in labels}
    folders = Counter(path.parent.name for path in files)
    strange = [folder for folder in folders if _folded(folder) not in known]
    if not strange:
        return [Picture(path, known[_folded(path.parent.name)]) for path in files], []
    said = "the folders are not named by the model's labels"
    if len(strange) < len(folders):  # somebody meant them to be
        said = "; ".join(_strange(strange, folders, known))
    return [Picture(path, None) for path in files], [f"{name}: {said}, so there is no accuracy to tell"]


def _strange(names: Iterable[str], folders: Counter[str], known: dict[str, str]) -> Iterator[str]:
    for name in names:
        near = difflib.get_close_matches(_folded(name), known, n=1)
        meant = f" (did you mean {known[near[0]]}?)" if near else ""
        yield f"no label is called like the folder {name}, with {folders[name]} of them{meant}"


def _folded(name: str) -> str:
    """Names that look the same are the same: of any case, and however their accents are written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", name).casefold())


def batches(pictures: Sequence[Picture], size: int) -> Iterator[Sequence[Picture]]:
    for start in range(0, len(pictures), size):
        yield pictures[start : start + size]


def some(pictures: Sequence[Picture], most: int) -> Sequence[Picture]:
    """At most so many of them, spread evenly over all."""
    if len(pictures) <= most:
        return pictures
    return [pictures[index * len(pictures) // most] for index in range(most)]
