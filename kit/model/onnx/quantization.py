"""Every call to onnxruntime.quantization: post-training static quantization, as QuantizeLinear and DequantizeLinear
pairs in the graph, with one scale for each channel of weights."""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.model.onnx.graph import LAYERS, Graph, save

Batches = Callable[[], Iterator[npt.NDArray[np.uint8]]]


class Calibrated:
    """Watches a graph's activations on real pictures, once for each way of taking their ranges, and then makes int8
    graphs of it, with any of its nodes left in float."""

    def __init__(self, graph: Graph, batches: Batches) -> None:
        """`batches` gives the graph's inputs, uint8 [N, 3, crop, crop], at each call anew."""
        self._graph = graph
        self._batches = batches
        self._known: dict[bool, Any] = {}

    def _ranges(self, averaged: bool) -> Any:
        if averaged not in self._known:
            self._known[averaged] = self._watched(averaged)
        return self._known[averaged]

    def _watched(self, averaged: bool) -> Any:
        from onnxruntime.quantization import CalibrationMethod
        from onnxruntime.quantization.calibrate import create_calibrator

        name = self._graph.proto.graph.input[0].name
        with tempfile.TemporaryDirectory(prefix="vision-int8-") as folder, _quiet():
            original = Path(folder) / "model.onnx"
            save(self._graph.proto, original)
            calibrator = create_calibrator(
                original,
                augmented_model_path=str(Path(folder) / "augmented.onnx"),
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"moving_average": averaged},
            )
            calibrator.collect_data(_Reader(name, self._batches()))
            return calibrator.compute_data()

    def quantized(self, in_float: Collection[str], averaged: bool, between: bool) -> Any:
        """An int8 onnx.ModelProto in which the nodes named `in_float` are not int8. `averaged`: a range is the mean of
        the batches' and so leaves outliers out. `between`: whether what lies between the layers (additions, pools) is
        int8 too."""
        from onnxruntime.quantization import QuantType
        from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
        from onnxruntime.quantization.registry import QDQRegistry

        quantizer = QDQQuantizer(
            _with_own_weights(self._graph.proto),
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=self._ranges(averaged),
            nodes_to_quantize=[],
            nodes_to_exclude=sorted(in_float),
            op_types_to_quantize=sorted(QDQRegistry) if between else list(LAYERS),
            # A product of two activations (attention) has no weights to gain from.
            extra_options={"MatMulConstBOnly": True},
        )
        with _quiet():
            quantizer.quantize_model()
        return quantizer.model.model


def _with_own_weights(proto: Any) -> Any:
    """A copy in which no two layers have one tensor of weights: made for one of them, the int8 one of such a pair is
    more than ONNX Runtime can load where it packs weights anew."""
    made = copy.deepcopy(proto)
    weights = {each.name: each for each in made.graph.initializer}
    seen: set[str] = set()
    for node in made.graph.node:
        if node.op_type in LAYERS and (name := node.input[1]) in weights:
            if name in seen:
                own = copy.deepcopy(weights[name])
                own.name = node.input[1] = f"{name}.{node.name}"
                made.graph.initializer.append(own)
            seen.add(name)
    return made


class _Reader:
    """What a calibrator asks for one batch after the other."""

    def __init__(self, name: str, batches: Iterator[npt.NDArray[np.uint8]]) -> None:
        self._name, self._batches = name, batches

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


@contextmanager
def _quiet() -> Iterator[None]:
    """Its remarks go to the root logger, which would take up writing to stderr for the whole process."""
    nobody = logging.NullHandler()
    logging.getLogger().addHandler(nobody)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(nobody)
