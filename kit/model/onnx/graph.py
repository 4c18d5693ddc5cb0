"""A network as an ONNX graph, by torch.export."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.errors import KitError
from common.words import reason
from kit.model.quiet import quiet

SCOPES = "pkg.torch.onnx.name_scopes"  # the modules that a node comes from, outermost first, and its own name
LAYERS = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class Graph:
    """`proto`: the onnx.ModelProto. `scopes`: by a node's name, the modules that it comes from, the innermost first."""

    proto: Any
    scopes: Mapping[str, tuple[str, ...]]

    def outside(self, module: str) -> list[str]:
        """The nodes that do not come from one of the network's modules."""
        return [name for name, scopes in self.scopes.items() if module not in scopes]

    def layers(self, weighted: Collection[str]) -> dict[str, str]:
        """The nodes that multiply by weights, in the order they run, each with the module that it is of: one of
        `weighted`, if it can be. A batch norm that became part of a convolution leaves it the convolution's weights by
        name, and its own scope."""
        weights = {each.name for each in self.proto.graph.initializer}
        found = {}
        for node in self.proto.graph.node:
            if node.op_type in LAYERS and node.input[1] in weights:
                scopes, named = self.scopes[node.name], node.input[1].rpartition(".")[0]
                found[node.name] = next((name for name in (*scopes, named) if name in weighted), named or scopes[0])
        return found


def export(model: nn.Module, example: Tensor, names: tuple[str, str], hint: str, any_number: bool = False) -> Graph:
    """`model`, called with `example`, as a graph whose input and output have these `names`. `any_number`: of pictures,
    and not just as many as there are in the example.

    Raises KitError with `hint` for a network that torch.export cannot follow.
    """
    given, answered = names
    shapes = ({0: torch.export.Dim.AUTO},) if any_number else None
    with quiet():
        import onnx  # after quiet: it warns

        try:
            program = torch.onnx.export(
                model,
                (example,),
                input_names=[given],
                output_names=[answered],
                dynamo=True,
                verbose=False,
                dynamic_shapes=shapes,
            )
            assert program is not None
            proto = program.model_proto
            scopes = {node.name: _scopes(node) for node in proto.graph.node}
            _without_traces(proto)
            onnx.checker.check_model(proto, full_check=True)
        except Exception as error:  # torch.export runs the network's own code with stand-ins, which may raise anything
            raise KitError(f"the network cannot be exported to ONNX ({reason(error)})", hint) from None
    return Graph(proto, scopes)


def save(proto: Any, path: Path) -> None:
    """The same bytes for the same graph."""
    path.write_bytes(proto.SerializeToString(deterministic=True))


def _scopes(node: Any) -> tuple[str, ...]:
    told = next((entry.value for entry in node.metadata_props if entry.key == SCOPES), "[]")
    return tuple(reversed([name for name in ast.literal_eval(told) if name][:-1]))


def _without_traces(proto: Any) -> None:
    """Drop the exporter's notes, which hold this machine's paths."""
    for holder in (proto.graph, *proto.graph.node, *proto.graph.value_info, *proto.functions):
        del holder.metadata_props[:]
        holder.doc_string = ""
