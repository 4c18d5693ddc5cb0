"""Golden pictures: a few that the model answers clearly, with the original's answers, to test a server by."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.files import replacing, write_json
from kit.golden import INDEX
from kit.model.checks.comparison import Comparison

COUNT = 5
ANSWERS = 5
CLEAR = 0.5  # by how much the first answer must be more probable than the second
TOLERANCE = 0.05
LONGEST_NAME = 100  # bytes; a file system takes 255, and what is written beside it first needs some
NEAR = TOLERANCE / 2  # half is for what the exported model adds, half for the decoder and the processor it meets


def choose(comparison: Comparison, count: int = COUNT) -> list[int]:
    """Indices of at most `count` pictures with different answers, the clearest first, at least one.

    Both models must agree on them, nearly to the figure, and be right where the truth is known; if none is so
    clear, the clearest are taken as they are.
    """
    top = comparison.eager.topk(min(2, comparison.eager.shape[1]), dim=1).values
    margins = (top[:, 0] - top[:, -1]).tolist()
    answers = comparison.eager.argmax(dim=1).tolist()
    names = [comparison.labels[answer] for answer in answers]
    same = (comparison.eager.argmax(dim=1) == comparison.exported.argmax(dim=1)).tolist()
    right = [same[index] and picture.label in (None, names[index]) for index, picture in enumerate(comparison.pictures)]
    near = [off <= NEAR for off in _off(comparison)]

    def rank(index: int) -> tuple[bool, bool, float, int]:
        return not right[index], not near[index], -round(margins[index], 3), index

    ranked = sorted(range(len(names)), key=rank)
    clear = [index for index in ranked if right[index] and near[index] and margins[index] >= CLEAR]
    return list(_with_other_names(clear or ranked, names))[:count]


def tolerance(comparison: Comparison, chosen: list[int]) -> float:
    """How far the best probability of these pictures may be off: twice what the exported model is, at least."""
    off = _off(comparison)
    return max(TOLERANCE, round(2 * max(off[index] for index in chosen), 3))


def _off(comparison: Comparison) -> list[float]:
    """By how much the exported model's probability of the original's first answer differs, for each picture."""
    best = comparison.eager.argmax(dim=1, keepdim=True)
    found: list[float] = (comparison.eager - comparison.exported).gather(1, best).abs().squeeze(1).tolist()
    return found


def _with_other_names(ranked: list[int], names: list[str]) -> Iterator[int]:
    seen: set[str] = set()
    for index in ranked:
        if names[index] not in seen:
            seen.add(names[index])
            yield index


def document(comparison: Comparison, chosen: list[int], files: list[str], model_name: str) -> dict[str, Any]:
    pictures = []
    for index, file in zip(chosen, files, strict=True):
        probabilities, classes = comparison.eager[index].topk(min(ANSWERS, len(comparison.labels)))
        answers = zip(classes.tolist(), probabilities.tolist(), strict=True)
        expected = {comparison.labels[answer]: round(probability, 6) for answer, probability in answers}
        pictures.append({"file": file, "expected": expected})
    return {"model": model_name, "tolerance": tolerance(comparison, chosen), "pictures": pictures}


def write(comparison: Comparison, model_name: str, folder: Path) -> None:
    """Copy the pictures into `folder`, then write the list, then drop what an earlier export left there."""
    chosen = choose(comparison)
    originals = [comparison.pictures[index].file for index in chosen]
    files = file_names(originals)
    for original, name in zip(originals, files, strict=True):
        with replacing(folder / name) as temporary:
            shutil.copyfile(original, temporary)
    write_json(folder / INDEX, document(comparison, chosen, files, model_name))
    for path in folder.iterdir():
        if path.name not in (INDEX, *files) and not path.name.startswith("."):
            path.unlink()


def file_names(originals: list[Path]) -> list[str]:
    """The pictures' own names, as UTF-8 and no longer than LONGEST_NAME; with their folder's before it where two are
    the same."""
    names = [_plain(path.name) for path in originals]
    return [
        name if names.count(name) == 1 else _plain(f"{index}_{path.parent.name}_{name}")
        for index, (name, path) in enumerate(zip(names, originals, strict=True))
    ]


def _plain(name: str) -> str:
    """A name that JSON, a tar file and every file system take: a file's name may be any bytes."""
    known = name.encode("utf-8", "replace").decode()
    stem, suffix = Path(known).stem, Path(known).suffix
    return stem.encode()[: LONGEST_NAME - len(suffix.encode())].decode("utf-8", "ignore") + suffix
