"""The handler on a model for ONNX Runtime."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import model_file
from onnx_model import int8_overflows
from tests.handlers.handler_worker import PROJECT

CROP = 4
LABELS = ["red", "green", "blue"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Answers by the mean of each colour."""
    axes = numpy_helper.from_array(np.array([2, 3], np.int64), "axes")
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Softmax", ["means"], ["probabilities"]),
    ]
    given = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", 3, CROP, CROP])
    answered = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "colours", [given], [answered], [axes])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


@pytest.mark.parametrize("threads", [1, 2])
def test_it_answers_pixels_row_by_row(model: Path, threads: int) -> None:
    loaded = model_file.load(model, None)
    loaded.before_fork(threads, CROP, 1)
    assert loaded.start(threads, CROP, 1) == len(LABELS)
    assert loaded.threads == threads
    pixels = np.zeros((2, CROP, CROP, 3), np.uint8)
    pixels[0, ..., 1] = pixels[1, ..., 2] = 200
    assert loaded.probabilities(pixels).argmax(axis=1).tolist() == [1, 2]


def test_several_threads_are_started_in_the_worker_alone(model: Path) -> None:
    loaded = model_file.load(model, None)
    loaded.before_fork(2, CROP, 1)
    assert loaded.threads == 0
    loaded.before_fork(1, CROP, 1)
    assert loaded.threads == 1


def test_the_handler_imports_no_torch_for_it(model: Path) -> None:
    folder = model.parent
    (folder / "index_to_name.json").write_text(json.dumps(dict(enumerate(LABELS))))
    (folder / "preprocessing.json").write_text(json.dumps({"resize": CROP, "crop": CROP}))
    program = f"""
import sys
sys.path.insert(0, {str(PROJECT / "handlers")!r})
from types import SimpleNamespace
from image_classifier import ImageClassifier
handler = ImageClassifier()
handler.initialize(SimpleNamespace(
    model_yaml_config={{}}, system_properties={{"model_dir": {str(folder)!r}}},
    manifest={{"model": {{"modelName": "tiny", "modelVersion": "1.0", "serializedFile": "model.onnx"}}}},
))
assert "onnxruntime" in sys.modules
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


@pytest.mark.parametrize(
    ("cpuinfo", "overflows"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2\n", True),
        ("flags\t\t: fpu avx2 avx512_vnni\n", False),
        ("flags\t\t: fpu avx2 avx_vnni\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd\n", False),
        ("", False),
    ],
)
def test_int8_overflows_where_an_x86_64_processor_has_no_vnni(cpuinfo: str, overflows: bool) -> None:
    assert int8_overflows(cpuinfo) is overflows
