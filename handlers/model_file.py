"""The archive's model, by the runtime that its file is for. Only that one is imported: it takes seconds, and a box may
have no other."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

ONNX = ".onnx"


class Model(Protocol):
    """uint8 pixels [N, crop, crop, 3] → float32 probabilities [N, classes]."""

    @property
    def threads(self) -> int: ...

    def before_fork(self, threads: int, crop: int, batch_size: int) -> None:
        """What workers that will have so many threads can share: done once, in their parent."""

    def start(self, threads: int, crop: int, batch_size: int) -> int:
        """Ready to answer, the slow first calls made; returns the number of classes."""

    def probabilities(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]: ...


def load(path: Path, gpu_id: int | None) -> Model:
    """`gpu_id` None for the processor. Raises whatever the runtime says of a file that it cannot load."""
    if path.suffix == ONNX:
        from onnx_model import OnnxModel

        return OnnxModel(path)
    from torchscript_model import TorchScriptModel

    return TorchScriptModel(path, gpu_id)
