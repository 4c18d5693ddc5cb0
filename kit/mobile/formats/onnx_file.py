"""ONNX: for apps that already carry ONNX Runtime. Checked with onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import kit.handlers  # noqa: F401
from kit.mobile.formats.signature import Loaded, Port
from kit.mobile.formats.variants import OUTPUT_NAME
from kit.model.onnx import graph
from onnx_model import session

DTYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}


def build(model: nn.Module, example: Tensor, path: Path, input_name: str) -> dict[str, Any]:
    """Write `path`; returns what the card says of the file. Raises KitError for a network that cannot be exported."""
    made = graph.export(model, example, (input_name, OUTPUT_NAME), "FORMAT=pte or FORMAT=ptl").proto
    graph.save(made, path)
    return {"opset": {entry.domain or "ai.onnx": entry.version for entry in made.opset_import}}


def load(path: Path, threads: int = 0) -> Loaded:
    """`threads`: 0 for as many as onnxruntime likes."""
    opened = session(path.read_bytes(), threads)
    (given,), (made,) = opened.get_inputs(), opened.get_outputs()

    def run(picture: Tensor) -> Tensor:
        return torch.from_numpy(opened.run([made.name], {given.name: picture.numpy()})[0])

    return Loaded(run, _port(given), _port(made))


def _port(told: Any) -> Port:
    return Port(told.name, tuple(told.shape), DTYPES[told.type])
