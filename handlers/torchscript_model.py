"""The one file of the handler that touches TorchScript, which torch has deprecated."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

# The first call profiles, the second compiles what was seen, the third runs it.
WARM_UP_CALLS = 3
ENGINE = "extra/quantized_engine"  # in model.pt, if it is int8


class TorchScriptModel:
    """uint8 pixels [N, crop, crop, 3] → float32 probabilities [N, classes]."""

    def __init__(self, path: Path, gpu_id: int | None) -> None:
        self._classes = 0
        torch.set_num_threads(1)  # OpenMP's others do not survive a fork
        engine = quantized_engine(path)
        if engine:
            _use(engine)
        # int8 has no kernels for a GPU, even where TorchServe hands the worker one.
        self._device = torch.device("cpu" if gpu_id is None or engine else f"cuda:{gpu_id}")
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

    @property
    def threads(self) -> int:
        return torch.get_num_threads()

    def before_fork(self, threads: int, crop: int, batch_size: int) -> None:
        """With one thread, however many the workers will have."""
        self.start(1, crop, batch_size)

    def start(self, threads: int, crop: int, batch_size: int) -> int:
        """Makes the calls that are slow because they are the first; returns the number of classes."""
        torch.set_num_threads(threads)
        if not self._classes:
            for size in sorted({1, batch_size}, reverse=True):
                for _ in range(WARM_UP_CALLS):
                    self._classes = self.probabilities(np.zeros((size, crop, crop, 3), np.uint8)).shape[1]
        return self._classes


def quantized_engine(path: Path) -> str:
    """The engine that an int8 model was made for, "" for another model."""
    with zipfile.ZipFile(path) as opened:
        names = [name for name in opened.namelist() if name.endswith(f"/{ENGINE}")]
        return opened.read(names[0]).decode() if names else ""


def _use(engine: str) -> None:
    """Before loading: torch packs the weights for whichever engine is set. Raises ValueError when it has none such."""
    supported = torch.backends.quantized.supported_engines
    if engine not in supported:
        raise ValueError(f"model.pt is int8 for the engine {engine}; torch has {', '.join(supported)} here")
    torch.backends.quantized.engine = engine
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.quint8)  # its warning comes once, and not into the log
