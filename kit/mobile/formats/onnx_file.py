"""ONNX: for apps that already carry ONNX Runtime. Checked with onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.errors import KitError
from kit.mobile.formats.quiet import quiet
from kit.mobile.formats.signature import Loaded, Port
from kit.mobile.formats.variants import OUTPUT_NAME
from kit.mobile.refusal import reason

DTYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}


def build(model: nn.Module, example: Tensor, path: Path, input_name: str) -> dict[str, Any]:
    """Write `path`; returns what the card says of the file. Raises KitError for a network that cannot be exported."""
    with quiet():
        import onnx

        try:
            program = torch.onnx.export(
                model, (example,), input_names=[input_name], output_names=[OUTPUT_NAME], dynamo=True, verbose=False
            )
            assert program is not None
            made = program.model_proto
            _without_traces(made)
            onnx.checker.check_model(made, full_check=True)
            content = made.SerializeToString(deterministic=True)
        except Exception as error:
            raise KitError(
                f"the network cannot be exported to ONNX ({reason(error)})", "FORMAT=pte or FORMAT=ptl"
            ) from None
    path.write_bytes(content)
    return {"opset": {entry.domain or "ai.onnx": entry.version for entry in made.opset_import}}


def _without_traces(model: Any) -> None:
    """Drop the exporter's notes, which hold this machine's paths."""
    for holder in (model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        del holder.metadata_props[:]
        holder.doc_string = ""


def load(path: Path, threads: int = 0) -> Loaded:
    """`threads`: 0 for as many as onnxruntime likes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    (given,), (made,) = session.get_inputs(), session.get_outputs()

    def run(picture: Tensor) -> Tensor:
        return torch.from_numpy(session.run([made.name], {given.name: picture.numpy()})[0])

    return Loaded(run, _port(given), _port(made))


def _port(told: Any) -> Port:
    return Port(told.name, tuple(told.shape), DTYPES[told.type])
