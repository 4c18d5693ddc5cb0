"""Bytes to answers in one process, without a server: the ceiling that serving is held to, and where decoding on the GPU
would put it.

Photographs are decoded by threads while the GPU has the batch before; nvJPEG, through torchvision, decodes them there.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

import kit.handlers  # noqa: F401
from benchmarks.gpu_check.model_alone import Run, traced
from kit.model.deprecated.backend import servable
from kit.model.pictures import decoding
from kit.model.source.resolving import Source
from picture_decoder import Picture, PictureDecoder
from processors import allowed

BATCH = 32  # as in config/cloud-gpu
# Of the profile that is for such a device.
PRECISION = {"cpu": "fp32", "cuda": "fp16"}
SECONDS, WARM_UP = 8.0, 3
Batches = Iterator[Tensor]


def measure(
    source: Source, device: torch.device, pictures: Sequence[bytes], until: float, seconds: float = SECONDS
) -> list[dict[str, Any]]:
    """A row for each pipeline: pictures a second. `seconds` each."""
    wanted = source.preprocessing
    network = traced(servable(source.network, wanted, PRECISION[device.type], source.activation), wanted.crop, device)
    decoder = decoding.decoder(wanted)
    cores = allowed()
    rows = []
    with ThreadPoolExecutor(cores) as threads:
        tried: list[tuple[str, Callable[[], Batches]]] = [
            (f"decoded by {cores} threads", lambda: staged(decoded(decoder, pictures, threads), device, pinned=False)),
        ]
        if device.type == "cuda":
            tried += [
                (
                    f"decoded by {cores} threads, pinned memory, copies beside the network",
                    lambda: staged(decoded(decoder, pictures, threads), device, pinned=True),
                ),
                ("decoded by nvJPEG", lambda: on_gpu(pictures, wanted.resize, wanted.crop, device)),
            ]
        for name, batches in tried:
            if time.monotonic() < until:
                rows.append({"pipeline": name, "per_second": per_second(network, batches(), seconds)})
    return rows


def decoded(decoder: PictureDecoder, pictures: Sequence[bytes], threads: ThreadPoolExecutor) -> Iterator[Tensor]:
    """uint8 [BATCH, 3, crop, crop], channels-last, for ever; the next is being decoded while one is taken."""
    endless = itertools.cycle(pictures)

    def begin() -> list[Any]:
        return [threads.submit(decoder.picture, next(endless)) for _ in range(BATCH)]

    waiting = begin()
    while True:
        ready, waiting = waiting, begin()
        shown: list[Picture] = [one.result() for one in ready]
        yield torch.from_numpy(np.stack([one.pixels for one in shown])).permute(0, 3, 1, 2)


def staged(batches: Iterator[Tensor], device: torch.device, pinned: bool) -> Batches:
    """On the device. From pinned memory the copy goes on while the processor does something else."""
    for batch in batches:
        yield batch.pin_memory().to(device, non_blocking=True) if pinned else batch.to(device)


def on_gpu(pictures: Sequence[bytes], resize: int, crop: int, device: torch.device) -> Batches:
    """As torchvision's Resize and CenterCrop, of whole decodes: pixels differ from the handler's by a few of 255."""
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms.v2 import functional

    encoded = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in pictures]
    endless = itertools.cycle(encoded)
    while True:
        shown = decode_jpeg([next(endless) for _ in range(BATCH)], mode=ImageReadMode.RGB, device=device)
        fitted = [
            functional.center_crop(functional.resize(one, [resize], antialias=True), [crop, crop]) for one in shown
        ]
        yield torch.stack(fitted).contiguous(memory_format=torch.channels_last)


def per_second(network: Run, batches: Batches, seconds: float) -> float:
    """Answers are brought back, as a server has to. The first batches are not counted."""
    with torch.inference_mode():
        for batch in itertools.islice(batches, WARM_UP):
            network(batch).float().cpu()
        answered, passed, begun = 0, 0.0, perf_counter()
        while passed < seconds:
            answered += len(network(next(batches)).float().cpu())
            passed = perf_counter() - begun
    return answered / passed
