"""make mobile: every file that was asked for, or none: build/mobile/ holds what the last run made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kit.handlers  # noqa: F401
from common.errors import UsageError
from crop_geometry import CROP
from kit.build import default_build_root
from kit.console import step
from kit.files import write_json, write_text
from kit.mobile import card, latency, snippets
from kit.mobile.folder import replacing_folder, write_sums
from kit.mobile.formats import runtimes
from kit.mobile.formats.choice import PhoneTarget
from kit.mobile.making import Made, MadeFile, Maker
from kit.mobile.picture import draw
from kit.model.source import labels, preprocessing
from kit.model.source.request import Request
from kit.model.source.resolving import Source, checked_on, resolve

LABELS = "index_to_name.json"


@dataclass(frozen=True)
class Finished:
    """`report` is comparison.json."""

    folder: Path
    report: dict[str, Any]
    notes: list[str]


def mobile(request: Request, targets: Sequence[PhoneTarget], repeats: int) -> Finished:
    """Write build/mobile/: a folder for each target, comparison.json and comparison.png.

    Raises KitError, with an earlier build/mobile left as it is, when any file is not as good as the original.
    """
    for target in targets:
        runtimes.require(target)
    step("loading the network and its weights")
    source = resolve(request)
    _check_input(source)
    found = checked_on(request, source.labels)
    maker = Maker(source, request, found.pictures, request.model_name or source.architecture.model_name)
    place = default_build_root() / "mobile"
    with replacing_folder(place) as folder:
        made = []
        for target in targets:
            into = folder / target.folder(maker.model_name)
            into.mkdir()
            made.append(maker.make(target, into))
        latencies = iter(latency.measure(made, repeats))
        cards = []
        for one in made:
            cards.append(card.document(source, one, maker.model_name, [next(latencies) for _ in one.files]))
            complete(one, cards[-1], source)
        compared = rows(made, cards)
        report = {"model_name": maker.model_name, "repeats": repeats, "files": compared}
        write_json(folder / "comparison.json", report)
        draw(compared, *request.limits(), folder / "comparison.png")
    notes = [*source.notes, *found.notes, *(note for one in made for note in one.notes)]
    return Finished(place, report, list(dict.fromkeys(notes)))


def _check_input(source: Source) -> None:
    """Raises UsageError for a preprocessing that the files for phones and their snippets do not know."""
    steps = source.preprocessing
    if steps.channels != 3 or steps.fit != CROP:
        raise UsageError(
            "files for phones are made of networks that take a centre crop in three channels, and this one's "
            f"preprocessing has channels {steps.channels}, fit {steps.fit}",
            "wrap the network: a module that converts its input, as ARCH=<file.py>:<function>",
        )


def complete(made: Made, facts: dict[str, Any], source: Source) -> None:
    """What lies beside the models in their folder."""
    folder = made.files[0].path.parent
    for file in made.files:
        snippets.write(made.target, file, source.preprocessing, folder)
    write_json(folder / LABELS, labels.document(source.labels))
    write_json(folder / preprocessing.FILE_NAME, source.preprocessing.document())
    write_json(folder / "card.json", facts)
    write_text(folder / "CARD.md", card.page(facts))
    write_sums(folder)


def rows(made: Sequence[Made], cards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The files as a comparison's rows."""
    return [
        row(file, facts, described)
        for one, facts in zip(made, cards, strict=True)
        for file, described in zip(one.files, facts["files"], strict=True)
    ]


def row(file: MadeFile, facts: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    measured = described["comparison"]
    drop = file.measured.accuracy_drop
    return {
        "file": f"{file.path.parent.name}/{file.path.name}",
        "format": facts["format"],
        "precision": facts["precision"],
        "input": file.variant.name,
        "pictures": measured["pictures"],
        "accuracy": measured["top1_accuracy"],
        "original_accuracy": None if drop is None else measured["top1_accuracy"] + drop / 100,
        "agreement": measured["top1_agreement"],
        "size": described["size"],
        "latency": {name: described["host_latency_ms"][name] for name in ("median", "low", "high")},
    }
