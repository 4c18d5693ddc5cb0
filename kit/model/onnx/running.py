"""A model.onnx run as the handler runs it."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

import kit.handlers  # noqa: F401
from common.words import reason
from kit.model.checks.comparison import Model
from onnx_model import session


def load(file: Path | BinaryIO, threads: int = 0) -> Model:
    """uint8 [N, 3, crop, crop] → probabilities float32 [N, classes]; `threads` 0 is one a core. Raises RuntimeError for
    a file that ONNX Runtime cannot load, and so does what is returned for what it cannot answer."""
    try:
        opened = session(file.read_bytes() if isinstance(file, Path) else file.read(), threads)
    except Exception as error:  # it has a class of its own for each kind
        raise RuntimeError(reason(error)) from None
    (given,) = opened.get_inputs()

    def answer(pictures: Tensor) -> Tensor:
        try:
            return torch.from_numpy(opened.run(None, {given.name: pictures.numpy()})[0])
        except Exception as error:
            raise RuntimeError(reason(error)) from None

    return answer
