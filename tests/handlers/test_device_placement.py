"""Where a model lies, with no GPU to lay it on: what torch is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import torchscript_model
from tests.handlers.handler_worker import LABELS, TinyModel, write_archive
from torchscript_model import TorchScriptModel


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """The devices that a file was to be loaded to; it is loaded to the processor."""
    found: list[torch.device] = []
    load = torch.jit.load

    def recorded(path: Path, map_location: torch.device) -> Any:
        found.append(map_location)
        return load(path, map_location="cpu")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(torch.jit, "load", recorded)
    return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_archive(tmp_path, TinyModel(), LABELS) / "model.pt"


@pytest.mark.parametrize(("gpu", "device"), [(None, "cpu"), (0, "cuda:0"), (3, "cuda:3")])
def test_a_worker_has_the_gpu_that_torchserve_gave_it(
    model: Path, asked: list[torch.device], gpu: int | None, device: str
) -> None:
    TorchScriptModel(model, gpu)
    assert asked == [torch.device(device)]


def test_int8_stays_on_the_processor_whatever_torchserve_gave(
    model: Path, asked: list[torch.device], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = next(name for name in torch.backends.quantized.supported_engines if name != "none")
    monkeypatch.setattr(torchscript_model, "quantized_engine", lambda path: engine)
    TorchScriptModel(model, 2)
    assert asked == [torch.device("cpu")]
