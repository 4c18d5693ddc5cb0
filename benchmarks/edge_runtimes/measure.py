"""One model in one runtime, in a process of its own: how long it takes to be ready, to answer, and in what memory.

    python3 measure.py MODEL PICTURES.npy [CALLS]       prints one line of JSON

MODEL is a model.pt, a model.onnx, or an .ncnn.param with its .bin beside it. PICTURES.npy holds uint8
[N, 3, crop, crop]. It imports NumPy and the one runtime, so that it runs on a bare box, and under emulation.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Answer = Callable[[Any], Any]


def torch_model(path: Path) -> Answer:
    import zipfile

    import torch

    torch.set_num_threads(1)
    with zipfile.ZipFile(path) as opened:
        engines = [opened.read(name).decode() for name in opened.namelist() if name.endswith("/quantized_engine")]
    if engines:
        torch.backends.quantized.engine = engines[0]
    model = torch.jit.load(str(path)).eval()  # type: ignore[no-untyped-call]

    def answer(picture: Any) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(picture[None]))[0].numpy()

    return answer


def onnx_model(path: Path) -> Answer:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda picture: session.run(None, {session.get_inputs()[0].name: picture[None]})[0][0]


def ncnn_model(path: Path) -> Answer:
    """Of a network without the arithmetic around it: pixels are normalised here as ImageNet's are, answers are
    logits."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = 1
    net.load_param(str(path))
    net.load_model(str(path.with_suffix(".bin")))
    mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
    std = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)

    def answer(picture: Any) -> Any:
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(np.ascontiguousarray((picture / np.float32(255) - mean) / std)))
        return np.array(extractor.extract("out0")[1])

    return answer


KINDS = {".pt": torch_model, ".onnx": onnx_model, ".param": ncnn_model}


def memory() -> int:
    """Bytes (PSS) of this process."""
    rows = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:"))


def main(model: str, pictures: str, calls: str = "20") -> None:
    began = time.perf_counter()
    answer = KINDS[Path(model).suffix](Path(model))
    shown = np.load(pictures)
    first = answer(shown[0])
    ready = time.perf_counter() - began
    took = []
    answers = [first]
    for picture in shown[1 : int(calls)]:
        start = time.perf_counter()
        answers.append(answer(picture))
        took.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "model": Path(model).name,
                "ready_seconds": round(ready, 2),
                "milliseconds": round(1000 * float(np.median(took)), 1),
                "memory_mb": round(memory() / (1 << 20)),
                "answers": [int(np.argmax(one)) for one in answers],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
