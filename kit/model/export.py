"""Export: a checkpoint becomes a TorchScript file that was seen to answer like the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from rich.progress import MofNCompleteColumn, Progress

from kit import __version__
from kit.console import err, step
from kit.errors import KitError
from kit.files import replacing, sha256, write_json
from kit.model import comparison, golden, labels, pictures, precision, torchscript
from kit.model.comparison import Comparison, Model
from kit.model.pictures import Picture
from kit.model.precision import Precision
from kit.model.request import Request
from kit.model.servable import Servable, example
from kit.model.source import EMBEDDED_PICTURES, Source, resolve
from kit.profiles import Profile


@dataclass(frozen=True)
class Exported:
    """What an export ends with: the report as it is written to export.json, and remarks for the user."""

    report: dict[str, Any]
    notes: list[str]


def export(profile: Profile, request: Request) -> Exported:
    """Write build/<profile>/{model.pt, index_to_name.json, preprocessing.json, golden/, export.json}.

    Raises KitError, with an earlier build left as it is, when the exported model is not as good as the original.
    """
    wanted = precision.of(profile)
    step("loading the network and its weights")
    source = resolve(request)
    found = pictures.find(Path(request.pictures) if request.pictures else EMBEDDED_PICTURES, source.labels)
    model_name = request.model_name or source.architecture.model_name
    build = profile.build
    with replacing(build.model) as temporary:
        step(f"tracing {source.architecture.name} in {wanted.name}")
        exported = trace(source, wanted, temporary)
        measured = measure(source, exported, found)
        comparison.verify(measured, wanted)
    write_json(build.labels, labels.document(source.labels))
    write_json(build.preprocessing, source.preprocessing.document())
    golden.write(measured, model_name, build.golden)
    report = describe(source, wanted, measured, build.model, model_name)
    write_json(build.export_report, report)
    return Exported(report, [*source.notes, *_remarks(measured, request.pictures)])


def trace(source: Source, wanted: Precision, path: Path) -> Model:
    """Trace, save to `path`, and load again what was saved: that is what gets measured."""
    crop = source.preprocessing.crop
    servable = Servable(source.network, source.preprocessing, wanted.name)
    with source.architecture.blame("tracing the network"):
        try:
            traced = torchscript.trace(servable, example(comparison.TRACED_WITH, crop))
        except RuntimeError as error:
            if source.architecture.own:
                raise
            raise KitError(f"{source.architecture.name} cannot be traced: {str(error).strip()[:300]}") from None
    torchscript.save(traced, path)
    exported = torchscript.load(path)
    comparison.check_sizes(servable, exported, crop)
    return exported


def measure(source: Source, exported: Model, found: Sequence[Picture]) -> Comparison:
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=err, transient=True) as progress:
        task = progress.add_task("comparing with the original on pictures", total=len(found))
        return comparison.compare(source, exported, found, lambda done: progress.advance(task, done))


def describe(source: Source, wanted: Precision, measured: Comparison, model: Path, model_name: str) -> dict[str, Any]:
    """export.json. No path and no time is in it: the archive's bytes come from it."""
    return {
        "model_name": model_name,
        "architecture": source.architecture.name,
        "classes": len(source.labels),
        "parameters": sum(parameter.numel() for parameter in source.network.parameters()),
        "weights": {"source": source.origin, "sha256": source.weights_sha256},
        "precision": wanted.name,
        "model": {"file": model.name, "size": model.stat().st_size, "sha256": sha256(model)},
        "comparison": measured.document(),
        "versions": {"kit": __version__, "torch": torch.__version__, "torchvision": torchvision.__version__},
    }


def _remarks(measured: Comparison, picture_folder: str) -> list[str]:
    if measured.labelled:
        return []
    whose = "PICTURES" if picture_folder else "the embedded pictures"
    return [f"{whose}: the folders are not named by the model's labels, so agreement was measured, not accuracy"]
