"""The two ways to a model's file: TorchScript for torch, torch.export for ONNX Runtime. Each is imported only where it
is the one that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from kit.model.checks.accuracy_gate import Gate
from kit.model.checks.comparison import Comparison, Model
from kit.model.pictures.choosing import Picture
from kit.model.precision.precisions import Choice
from kit.model.runtimes import ONNX
from kit.model.source.resolving import Source

Judge = Callable[[Model], Comparison]


class Backend(Protocol):
    def write(self, source: Source, choice: Choice, path: Path) -> Model:
        """Write the source's network to `path` in a precision that is not int8; what is returned was loaded from
        there. Raises KitError for one that cannot be."""

    def quantize(
        self, source: Source, choice: Choice, pictures: Sequence[Picture], path: Path, judge: Judge, gate: Gate
    ) -> tuple[dict[str, Any], Comparison]:
        """Write the source's network to `path` in int8, calibrated on `pictures`: how that was done, for export.json,
        and what `judge` said of it. Raises KitError when it does not pass the gate whatever is tried."""

    def load(self, file: Path | BinaryIO) -> Model:
        """A model that was written. Raises RuntimeError or KitError for one that cannot be loaded."""


def of(runtime: str) -> Backend:
    if runtime == ONNX:
        from kit.model.onnx import backend as onnx

        return onnx
    from kit.model.deprecated import backend as torchscript

    return torchscript
