"""One builder: weights for it, and what an export of them came to.

Nobody can train all of torchvision's networks for a test, and of untrained ones every answer is nearly a tie. So the
batch norms are given the statistics of some pictures, and the last layer is scaled until answers differ. int8's gate
is open: with such weights its agreement says nothing; what is tried is whether the network can be quantized and served.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision import models

from kit.build import PROJECT
from kit.model.pictures import decoding
from kit.model.pictures.choosing import Picture, find, some
from kit.model.source import preprocessing
from kit.model.source.imagenet import weights_of
from kit.model.source.preprocessing import Preprocessing
from kit.model.source.resolving import EMBEDDED, EMBEDDED_CALIBRATION
from tests.support_models import fit_batch_norms

CLASSES = 43
PICTURES = 6
SPREAD = 3.0  # of a picture's figures, standard deviation: what a trained network's are like
LONGEST = 7200  # seconds
# Their default weights are for 518 and 384 pixels, with which a picture takes a core half a minute; torchvision has
# weights for 224 pixels, too (IMAGENET1K_SWAG_LINEAR_V1).
SMALLER = {"vit_h_14": 224, "regnet_y_128gf": 224}
PRECISIONS = ("fp32", "int8")
NO_SENTENCE = "no sentence: "


@dataclass(frozen=True)
class Outcome:
    """`said`: why the export was refused, "" when it was not. `in_float`: how many layers int8 left in float."""

    said: str
    seconds: float
    in_float: int = 0


def builders() -> list[str]:
    """torchvision's classification networks."""
    found: list[str] = models.list_models(module=models)
    return found


def write_weights(builder: str, path: Path) -> int:
    """Write a state dict of the network; returns how many convolutions and linear layers it has."""
    torch.manual_seed(0)
    pictures = _pictures(builder)
    sized = {"image_size": pictures.shape[-1]} if builder.startswith("vit_") else {}
    network = models.get_model(builder, weights=None, num_classes=CLASSES, **sized)
    layers = [module for module in network.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    fit_batch_norms(network, pictures)
    with torch.inference_mode():
        figures = network(pictures)
    last = [layer for layer in layers if layer.weight.shape[0] == CLASSES][-1]
    with torch.no_grad():
        last.weight *= SPREAD / figures.std(dim=1).mean().clamp(min=1e-6)
    torch.save(network.state_dict(), path)
    return len(layers)


def _steps(builder: str) -> Preprocessing:
    steps = preprocessing.of_preset(weights_of(builder).transforms())
    size = SMALLER.get(builder)
    return replace(steps, resize=size, crop=size) if size else steps


def _pictures(builder: str) -> Tensor:
    steps = _steps(builder)
    return steps.normalised(next(decoding.crops(_shown(), steps, PICTURES)))


def _shown() -> Sequence[Picture]:
    return some(find(str(EMBEDDED_CALIBRATION), "CALIBRATION").pictures, PICTURES)


def try_one(builder: str, weights: Path, precision: str, folder: Path) -> Outcome:
    """Export it in a process of its own, as a user does. Nothing is left in `folder`."""
    steps = folder / preprocessing.FILE_NAME
    steps.write_text(json.dumps(_steps(builder).document()), encoding="utf-8")
    variables: Mapping[str, str] = {
        "ARCH": builder,
        "WEIGHTS": str(weights),
        "PREPROCESSING": str(steps),
        "LABELS": str(EMBEDDED / "index_to_name.json"),
        "PICTURES": shlex.join(str(picture.file) for picture in _shown()),
        "PRECISION": precision,
        "PLATFORM": "linux_x86_64",
        "MIN_AGREEMENT": "0",
        "MAX_ACCURACY_DROP": "100",
        "BUILD": str(folder / "build"),
    }
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "scripts.export", "--json"],
        cwd=PROJECT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    seconds = time.monotonic() - began
    if done.returncode:
        _, told, said = done.stderr.partition("error: ")
        return Outcome(said.strip() if told else f"{NO_SENTENCE}{done.stderr[-2000:]}", seconds)
    quantization = json.loads(done.stdout)["quantization"]
    return Outcome("", seconds, len(quantization["layers_in_float"]) if quantization else 0)
