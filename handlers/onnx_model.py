"""The one file of the handler that touches ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

CPUINFO = Path("/proc/cpuinfo")
ERRORS_ONLY = 3
# ONNX Runtime's instructions for int8 add products up in 16 bits where an x86-64 processor has no VNNI, and overflow.
# With this it takes others, 2.5 times slower where there is VNNI.
EXACT_INT8 = ("session.x64quantprecision", "1")


def session(content: bytes, threads: int) -> Any:
    """An InferenceSession of a serialized model on the processor; `threads` 0 is one a core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    if int8_overflows(CPUINFO.read_text(encoding="utf-8", errors="replace")):
        options.add_session_config_entry(*EXACT_INT8)
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def int8_overflows(cpuinfo: str) -> bool:
    """On ARM, whose processors list Features and no flags, it does not."""
    flags = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), "")
    return bool(flags) and "vnni" not in flags


class OnnxModel:
    """uint8 pixels [N, crop, crop, 3] → float32 probabilities [N, classes]."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session: Any = None
        self._input = ""
        self.threads = 0

    def before_fork(self, threads: int, crop: int, batch_size: int) -> None:
        """A session of several threads has a pool of them, which does not survive a fork."""
        if threads == 1:
            self.start(threads, crop, batch_size)

    def start(self, threads: int, crop: int, batch_size: int) -> int:
        """Ready to answer; returns the number of classes."""
        if self._session is None:
            self._session = session(self._path.read_bytes(), threads)
            self._input = self._session.get_inputs()[0].name
            self.threads = threads
            for size in {1, batch_size}:  # its memory for either is planned and kept
                self.probabilities(np.zeros((size, crop, crop, 3), np.uint8))
        return int(self._session.get_outputs()[0].shape[1])

    def probabilities(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        answers: npt.NDArray[np.float32]
        (answers,) = self._session.run(None, {self._input: np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))})
        return answers
