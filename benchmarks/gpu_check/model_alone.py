"""The network with its arithmetic, pictures already on the device: by precision, by how it is run, by batch."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import kit.handlers  # noqa: F401
from kit.model.deprecated import torchscript
from kit.model.deprecated.backend import servable
from kit.model.servable import example
from kit.model.source.resolving import Source
from torchscript_model import TorchScriptModel

BATCHES = (1, 8, 32, 128)
WARM_UP, LEAST_SECONDS, MOST_SECONDS = 5, 0.3, 1.5
Run = Callable[[Tensor], Tensor]


def measure(source: Source, device: torch.device, batches: Sequence[int], until: float) -> list[dict[str, Any]]:
    """A row for each way, precision and batch: pictures a second, and ms a batch (median). Stops where time is up."""
    rows: list[dict[str, Any]] = []
    for way, precision, run in ways(source, device):
        for batch in batches:
            if time.monotonic() > until:
                return rows
            pictures = (
                example(batch, source.preprocessing.crop).to(device).contiguous(memory_format=torch.channels_last)
            )
            rows.append({"way": way, "precision": precision, "batch": batch} | timed(run, pictures, device))
    return rows


def ways(source: Source, device: torch.device) -> Iterator[tuple[str, str, Run]]:
    """«traced» is what is served. A CUDA graph leaves out the launches of kernels; torch.compile fuses them, too."""
    for precision in ("fp32", "bf16", "fp16"):
        whole = plain(source, precision)
        yield "traced", precision, traced(whole, source.preprocessing.crop, device)
        own = whole.to(device)
        yield "eager", precision, own
        if device.type == "cuda":
            yield "CUDA graph", precision, graphed(own)
    if device.type == "cuda":
        half = plain(source, "fp16").to(device)
        yield "torch.compile", "fp16", torch.compile(half, mode="max-autotune-no-cudagraphs", dynamic=False)


def plain(source: Source, precision: str) -> torch.nn.Module:
    """With weights of its own: folding leaves inference tensors, which not everything that runs them takes."""
    whole = servable(source.network, source.preprocessing, precision, source.activation)
    whole.load_state_dict({name: tensor.clone() for name, tensor in whole.state_dict().items()}, assign=True)
    return whole


def traced(whole: torch.nn.Module, crop: int, device: torch.device) -> Run:
    """As a worker has it: saved, and loaded to its device, which moves what freezing has made a constant."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        torchscript.save(torchscript.trace(whole, example(2, crop)), path)
        module: Run = TorchScriptModel(path, device.index)._module
        return module


def graphed(network: torch.nn.Module) -> Run:
    """Captured once for each size of batch."""
    captured: dict[int, tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}

    def run(pictures: Tensor) -> Tensor:
        if len(pictures) not in captured:
            captured[len(pictures)] = _capture(network, pictures)
        graph, given, answers = captured[len(pictures)]
        given.copy_(pictures)
        graph.replay()
        return answers

    return run


def _capture(network: torch.nn.Module, pictures: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensor]:
    given = pictures.clone()
    beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream())
    with torch.inference_mode(), torch.cuda.stream(beside):
        for _ in range(WARM_UP):
            network(given)
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.inference_mode(), torch.cuda.graph(graph):
        answers = network(given)
    return graph, given, answers


def timed(run: Run, pictures: Tensor, device: torch.device) -> dict[str, float]:
    """Each batch waited for, as a server has to."""
    taken: list[float] = []
    with torch.inference_mode():
        for _ in range(WARM_UP):
            run(pictures)
        synchronize(device)
        ends = time.perf_counter() + MOST_SECONDS
        while (sum(taken) < LEAST_SECONDS and time.perf_counter() < ends) or len(taken) < WARM_UP:
            begun = time.perf_counter()
            run(pictures)
            synchronize(device)
            taken.append(time.perf_counter() - begun)
    middle = sorted(taken)[len(taken) // 2]
    return {"per_second": len(pictures) / middle, "ms": 1000 * middle}


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
