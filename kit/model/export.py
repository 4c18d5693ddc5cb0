"""Export: a checkpoint becomes a file for torch or ONNX Runtime that was seen to answer like the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor

from common.durable import sha256
from kit import __version__
from kit.console import progress, step
from kit.files import replacing, write_json
from kit.model import backend, runtimes
from kit.model.checks import accuracy_gate, comparison, golden_pictures
from kit.model.checks.comparison import Comparison, Model
from kit.model.drift import baseline
from kit.model.pictures import calibration
from kit.model.pictures.choosing import Picture
from kit.model.precision import precisions
from kit.model.precision.precisions import Choice
from kit.model.source import labels
from kit.model.source.request import Request
from kit.model.source.resolving import Source, checked_on, resolve
from kit.profiles import Profile


@dataclass(frozen=True)
class Exported:
    """What an export ends with: the report as it is written to export.json, and remarks for the user."""

    report: dict[str, Any]
    notes: list[str]


def export(profile: Profile, request: Request) -> Exported:
    """Write build/<profile>/{model.pt or model.onnx, index_to_name.json, preprocessing.json, golden/, baseline.json,
    export.json}.

    Raises KitError, with an earlier build left as it is, when the exported model is not as good as the original.
    """
    choice = precisions.of(profile, request.precision, request.platform, request.runtime)
    step(f"precision {choice.name}: {choice.reason}")
    step("loading the network and its weights")
    a_day = baseline.pictures_a_day(profile)
    source = resolve(request)
    found = checked_on(request, source.labels)
    model_name = request.model_name or source.architecture.model_name
    build = profile.build
    model = build.model(runtimes.FILES[choice.runtime])
    with replacing(model) as temporary:
        made = make(source, choice, request, found.pictures, temporary)
    write_json(build.labels, labels.document(source.labels))
    write_json(build.preprocessing, source.preprocessing.document())
    golden_pictures.write(made.measured, model_name, build.golden)
    step("drawing the thresholds of the drift tests")
    about_drift = baseline.write(build.baseline, made.measured, source.preprocessing, a_day)
    report = describe(source, choice, made, model, model_name)
    write_json(build.export_report, report)
    for other in set(runtimes.FILES.values()) - {model.name}:
        build.model(other).unlink(missing_ok=True)
    notes = [*source.notes, *found.notes, choice.note, *made.notes, about_drift]
    return Exported(report, [note for note in notes if note])


@dataclass(frozen=True)
class Made:
    """A model that passed the gate: what was measured of it, and for int8 how it was quantized."""

    measured: Comparison
    quantization: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


def make(source: Source, choice: Choice, request: Request, found: Sequence[Picture], path: Path) -> Made:
    """Write the model to `path`. Raises KitError when it does not pass the gate of its precision."""
    passing, making = accuracy_gate.of(choice.name, request), backend.of(choice.runtime)
    eager: Tensor | None = None

    def judge(model: Model) -> Comparison:
        nonlocal eager
        comparison.check_sizes(source, model, found)
        measured = measure(source, model, found, eager)
        eager = measured.eager
        return measured

    if choice.name != "int8":
        measured = judge(making.write(source, choice, path))
        passing.verify(measured)
        return Made(measured)
    seen, notes = calibration.pictures_for(source, request)
    how, measured = making.quantize(source, choice, seen, path, judge, passing)
    return Made(measured, {"engine": choice.engine, "pictures": len(seen), **how}, notes)


def measure(source: Source, exported: Model, found: Sequence[Picture], eager: Tensor | None = None) -> Comparison:
    with progress() as bar:
        task = bar.add_task("comparing with the original on pictures", total=len(found))
        return comparison.compare(source, exported, found, lambda done: bar.advance(task, done), eager)


def describe(source: Source, choice: Choice, made: Made, model: Path, model_name: str) -> dict[str, Any]:
    """export.json. No path and no time is in it: the archive's bytes come from it."""
    return {
        "model_name": model_name,
        "architecture": source.architecture.name,
        "classes": len(source.labels),
        "parameters": sum(parameter.numel() for parameter in source.network.parameters()),
        "weights": {"source": source.origin, "sha256": source.weights_sha256},
        "runtime": choice.runtime,
        "runtime_asked": choice.runtime_asked,
        "precision": choice.name,
        "precision_asked": choice.asked,
        "quantization": made.quantization,
        "model": {"file": model.name, "size": model.stat().st_size, "sha256": sha256(model)},
        "comparison": made.measured.document(),
        "versions": {"kit": __version__, "torch": torch.__version__, "torchvision": torchvision.__version__}
        | ({"onnxruntime": version("onnxruntime")} if choice.runtime == runtimes.ONNX else {}),
    }
