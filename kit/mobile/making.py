"""One format in one precision: a file for each kind of input, loaded again by its own runtime and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kit.console import step
from kit.mobile.formats import onnx_file, pt2e, pte, runtimes
from kit.mobile.formats.choice import PhoneTarget
from kit.mobile.formats.signature import Loaded, Port
from kit.mobile.formats.variants import OUTPUT_NAME, VARIANTS, Variant
from kit.mobile.formats.wrapping import wrap
from kit.model.checks import accuracy_gate
from kit.model.checks.accuracy_gate import Gate
from kit.model.checks.comparison import Comparison, Model
from kit.model.export import measure
from kit.model.pictures import calibration, decoding
from kit.model.pictures.choosing import Picture
from kit.model.source.request import Request
from kit.model.source.resolving import Source


@dataclass(frozen=True)
class MadeFile:
    """`input` and `output` are what the file's runtime says, or where it says nothing, what it was run with."""

    path: Path
    variant: Variant
    input: Port
    output: Port
    build: dict[str, Any]
    measured: Comparison


@dataclass(frozen=True)
class Made:
    target: PhoneTarget
    files: list[MadeFile]
    quantization: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Maker:
    """`eager`: the original's answers, once an earlier comparison has them."""

    source: Source
    request: Request
    pictures: Sequence[Picture]
    model_name: str
    eager: Tensor | None = field(default=None)

    def make(self, target: PhoneTarget, folder: Path) -> Made:
        """Write the files into `folder`. Raises KitError when one does not pass the gate of its precision."""
        passing = accuracy_gate.of(target.precision, self.request)
        if target.precision == "fp32":
            files = self._files(target, self.source.network, folder)
            for file in files:
                passing.verify(file.measured)
            return Made(target, files)
        return self._quantized(target, folder, passing)

    def _quantized(self, target: PhoneTarget, folder: Path, passing: Gate) -> Made:
        seen, notes = calibration.pictures_for(self.source, self.request)
        files: list[MadeFile] = []

        def judge(network: nn.Module) -> Comparison:
            files[:] = self._files(target, network, folder)
            return worst([file.measured for file in files], passing)

        if target.format.name == "ptl":
            from kit.mobile.formats import ptl
            from kit.model.deprecated import int8

            recipe, _ = int8.quantize(self.source, ptl.ENGINE, seen, judge, passing)
            how = recipe.document()
        else:
            how, _ = pt2e.quantize(self.source.network, lambda: self._inputs(seen), judge, passing)
        return Made(target, files, {"pictures": len(seen), **how}, notes)

    def _inputs(self, seen: Sequence[Picture]) -> Iterator[Tensor]:
        steps = self.source.preprocessing
        return map(steps.normalised, decoding.crops(seen, steps, 1))

    def _files(self, target: PhoneTarget, network: nn.Module, folder: Path) -> list[MadeFile]:
        return [self._file(target, network, variant, folder) for variant in VARIANTS]

    def _file(self, target: PhoneTarget, network: nn.Module, variant: Variant, folder: Path) -> MadeFile:
        path = folder / f"{self.model_name}-{variant.name}.{target.format.name}"
        step(f"{target.format.title} {target.precision}: {path.name}")
        crop = self.source.preprocessing.crop
        model = wrap(network, self.source.activation, self.source.preprocessing, variant)
        example = variant.example(crop)
        with self.source.architecture.blame(f"making {path.name}"):
            built = build(target, model, example, path, variant)
        loaded = runtimes.load(path, target.precision)
        wanted = Port(variant.name, variant.shape(crop), variant.dtype)
        answer = loaded.run(example)
        given = Port(OUTPUT_NAME, tuple(answer.shape), str(answer.dtype).removeprefix("torch."))
        assert loaded.input is None or (loaded.input.shape, loaded.input.dtype) == (wanted.shape, wanted.dtype)
        assert loaded.output is None or (loaded.output.shape, loaded.output.dtype) == (given.shape, given.dtype)
        measured = measure(self.source, self._as_a_model(loaded, variant), self.pictures, self.eager)
        self.eager = measured.eager
        return MadeFile(path, variant, wanted, given, built, measured)

    def _as_a_model(self, loaded: Loaded, variant: Variant) -> Model:
        """What the comparison calls: uint8 [N, 3, crop, crop] → probabilities [N, classes], one picture at a time."""

        def answer(crops: Tensor) -> Tensor:
            return torch.cat([loaded.run(variant.input(crop, self.source.preprocessing)) for crop in crops])

        return answer


def build(target: PhoneTarget, model: nn.Module, example: Tensor, path: Path, variant: Variant) -> dict[str, Any]:
    if target.format.name == "pte":
        return pte.build(model, example, path)
    if target.format.name == "onnx":
        return onnx_file.build(model, example, path, variant.name)
    from kit.mobile.formats import ptl  # what it calls is deprecated, and in no other way

    return ptl.build(model, example, path, ptl.ENGINE if target.precision == "int8" else "")


def worst(measured: Sequence[Comparison], passing: Gate) -> Comparison:
    """The one that misses the gate, if any does; of equals the one that agrees least."""
    return min(measured, key=lambda one: (passing.passes(one), one.agreement))
