"""The one file of the handler that touches TorchScript, which torch has deprecated."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

# The first call profiles, the second compiles what was seen, the third runs it.
WARM_UP_CALLS = 3


class TorchScriptModel:
    """uint8 pixels [N, crop, crop, 3] → float32 probabilities [N, classes]."""

    def __init__(self, path: Path, gpu_id: int | None) -> None:
        self._device = torch.device("cpu" if gpu_id is None else f"cuda:{gpu_id}")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r".*torch\.jit\.load.* is deprecated")
            self._module = torch.jit.load(path, map_location=self._device)  # type: ignore[no-untyped-call]
        self._module.eval()

    def probabilities(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        # Pillow's rows of RGB, seen as [N, 3, H, W], are channels-last without copying.
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(self._device)
        with torch.inference_mode():
            answers: npt.NDArray[np.float32] = self._module(batch).float().cpu().numpy()
        return answers

    def warm_up(self, crop: int, batch_size: int) -> int:
        """Makes the calls that are slow because they are the first; returns the number of classes."""
        for size in sorted({1, batch_size}, reverse=True):
            for _ in range(WARM_UP_CALLS):
                classes = self.probabilities(np.zeros((size, crop, crop, 3), np.uint8)).shape[1]
        return int(classes)
