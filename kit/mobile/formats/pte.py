"""ExecuTorch: torch.export, lowered to XNNPACK, as a .pte file; and that file run by ExecuTorch's own runtime."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.errors import KitError
from common.words import listed, reason
from kit.mobile.formats.signature import Loaded, Port
from kit.model.quiet import quiet

DTYPES = {0: "uint8", 6: "float32"}  # ExecuTorch's ScalarType
METHOD = "forward"
MISSING_OPERATOR = re.compile(r"Missing operator: \[\d+\] (\S+)")  # in the runtime's log


def build(model: nn.Module, example: Tensor, path: Path) -> dict[str, Any]:
    """Write `path`; returns what the card says of the file. Raises KitError for a network that cannot be lowered."""
    with quiet():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        try:
            exported = torch.export.export(model, (example,))
            lowered = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
            operators = sorted(set(outside(lowered.exported_program())))
            path.write_bytes(lowered.to_executorch().buffer)
        except Exception as error:  # torch.export runs the network's own code with stand-ins, which may raise anything
            raise not_exported(error) from None
    return {"backend": "XNNPACK", "operators_outside_backend": operators}


def outside(program: torch.export.ExportedProgram) -> list[str]:
    """The operators XNNPACK did not take: an app's build has to bring kernels for them."""
    calls = (node.target for node in program.graph.nodes if node.op == "call_function")
    names = (str(getattr(target, "_op", target)) for target in calls)
    return [name for name in names if "getitem" not in name and "executorch_call_delegate" not in name]


def not_exported(error: Exception) -> KitError:
    return KitError(
        f"torch.export and ExecuTorch cannot follow the network ({reason(error)})",
        "FORMAT=ptl or FORMAT=onnx; or make the network without what is named there",
    )


def load(path: Path) -> Loaded:
    """Raises KitError for a file that this ExecuTorch cannot load."""
    with quiet() as written:
        from executorch.runtime import Runtime

        try:
            program = Runtime.get().load_program(path)
            method = program.load_method(METHOD)
        except Exception as error:
            missing = list(dict.fromkeys(MISSING_OPERATOR.findall(written())))
            why = f"it has no kernel for {listed(missing)}" if missing else reason(error)
            raise KitError(
                f"{path.name} was made, but ExecuTorch's runtime cannot load it: {why}",
                "FORMAT=onnx or FORMAT=ptl; or make the network without that operation",
            ) from None
    assert method is not None

    def run(picture: Tensor) -> Tensor:
        assert program  # a method reads the memory of its program, and does not keep it alive
        made: Tensor = method.execute([picture])[0]
        return made.clone()  # the runtime's own memory, which the next call writes over

    meta = method.metadata
    return Loaded(run, _port(meta.input_tensor_meta(0)), _port(meta.output_tensor_meta(0)))


def set_threads(count: int) -> None:
    with quiet():
        from executorch.extension.pybindings import portable_lib

        portable_lib._unsafe_reset_threadpool(count)


def _port(tensor: Any) -> Port:
    return Port("", tuple(tensor.sizes()), DTYPES[tensor.dtype()])
