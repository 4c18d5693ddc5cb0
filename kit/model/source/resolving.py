"""ARCH, WEIGHTS, LABELS and PREPROCESSING resolved into a network that is ready to be exported."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.durable import sha256
from common.errors import KitError, UsageError
from common.words import count
from kit.build import PROJECT
from kit.checkpoint import reading, sets
from kit.checkpoint.choosing import Weights, choose
from kit.checkpoint.names import Network
from kit.model import activation as activations
from kit.model.checks import soundness
from kit.model.pictures.choosing import Found, find
from kit.model.servable import example
from kit.model.source import architecture as architectures
from kit.model.source import imagenet, labels, own_code, preprocessing
from kit.model.source.architecture import Architecture
from kit.model.source.preprocessing import Preprocessing
from kit.model.source.request import DEFAULT_ARCH, IMAGENET, WEIGHTS_FORMS, Request

EMBEDDED = PROJECT / "models" / "resnet18-grocery43"
EMBEDDED_WEIGHTS = EMBEDDED / "resnet18-grocery43.safetensors"
EMBEDDED_PICTURES = EMBEDDED / "validation"
EMBEDDED_CALIBRATION = EMBEDDED / "calibration"


@dataclass(frozen=True)
class Source:
    """`network` is float32 in evaluation mode; `activation` makes its outputs probabilities. `origin` says where the
    weights are from, without a path."""

    architecture: Architecture
    network: nn.Module
    labels: list[str]
    preprocessing: Preprocessing
    origin: str
    weights_sha256: str
    notes: list[str] = field(default_factory=list)
    activation: nn.Module = field(default_factory=lambda: nn.Softmax(dim=1))

    def logits(self, pictures: Tensor) -> Tensor:
        """float32 [N, classes] for normalised pictures. Raises KitError when the network cannot take them."""
        with torch.inference_mode(), self.architecture.blame(own_code.RUNNING):
            try:
                found = self.network(pictures)
            except (RuntimeError, AssertionError, ValueError) as error:
                if self.architecture.own:
                    raise
                size = "×".join(map(str, pictures.shape[2:]))
                raise KitError(
                    f"{self.architecture.name} cannot take pictures of {size} pixels: {str(error).strip()[:200]}",
                    "set `crop` in PREPROCESSING to what the network was made for",
                ) from None
        if not isinstance(found, Tensor) or found.ndim != 2:
            shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise KitError(
                f"{self.architecture.name} answers {shape}, not one figure a class [pictures, classes]",
                "give a classification network that returns its logits",
            )
        return found


def resolve(request: Request) -> Source:
    """Raises UsageError or KitError naming the one thing that does not fit."""
    request.check()
    architecture = architectures.choose(request.arch or DEFAULT_ARCH)
    source = _pretrained(architecture, request) if request.weights == IMAGENET else _own_weights(architecture, request)
    soundness.check_weights(architecture.name, source.network)
    return _checked(source, request)


def _pretrained(architecture: Architecture, request: Request) -> Source:
    if architecture.own:
        raise UsageError(
            f"WEIGHTS=imagenet: torchvision has no weights for {architecture.name}",
            WEIGHTS_FORMS,
        )
    weights = imagenet.weights_of(architecture.name)
    file = imagenet.cached(weights)
    names = labels.read(Path(request.labels)).names if request.labels else list(weights.meta["categories"])
    given = Path(request.preprocessing) if request.preprocessing else None
    return Source(
        architecture,
        imagenet.network(architecture.name, weights),
        labels.distinct(names),
        preprocessing.read(given) if given else preprocessing.of_preset(weights.transforms()),
        f"torchvision {weights} ({file.name})",
        sha256(file),
    )


def _own_weights(architecture: Architecture, request: Request) -> Source:
    file = Path(request.weights) if request.weights else EMBEDDED_WEIGHTS
    content = reading.read(file)
    names, of_labels = _labels_for(file, request)
    steps, of_steps = _preprocessing_for(file, architecture, request)
    weights, keys = _weights(content, file, architecture, len(names), steps.crop, request.weights_key)
    trained = weights.classes or len(names)
    if trained != len(names):
        raise UsageError(
            f"{file.name} was trained on {count(trained, 'class')}, the labels name {len(names)}",
            f"LABELS=<a file of {count(trained, 'name')}>",
        )
    network = architecture.build(len(names), steps.crop, keys)
    weights.load_into(network, file.name, architecture.name)
    notes = [*weights.notes, of_labels, of_steps] if request.weights else []
    if architecture.name in architectures.WITH_AUXILIARY_HEADS and not architecture.own:
        notes.append(f"{architecture.name} rescales its input as torchvision's pretrained one does (transform_input)")
    origin = f"own checkpoint {file.name}" if request.weights else f"embedded {file.name}"
    return Source(architecture, network.float().eval(), names, steps, origin, sha256(file), notes)


def _weights(
    content: Any, file: Path, architecture: Architecture, labels: int, crop: int, key: str
) -> tuple[Weights, list[str]]:
    """The weights for the architecture, and the names that tell which of its optional heads it has."""
    keys = [name for found in sets.find(content) for name in found.weights]
    few = architectures.shapes(architecture, labels, crop, keys)
    many = architectures.shapes(architecture, labels + 1, crop, keys) if architecture.takes_classes else few
    return choose(content, Network(few, many, 0 if architecture.own else crop), key, file, architecture.name), keys


def _labels_for(weights: Path, request: Request) -> tuple[list[str], str]:
    found = Path(request.labels) if request.labels else labels.beside(weights)
    if found is None:
        raise UsageError(
            f"no labels for {weights.name}: beside it is no {', '.join(labels.BESIDE_THE_WEIGHTS)}",
            f"LABELS=<file>: {labels.FORMS}",
        )
    read = labels.read(found)
    given = "given" if request.labels else "found beside the weights"
    return labels.distinct(read.names), ", ".join(filter(None, (f"labels: {found.name}", given, read.form)))


def _preprocessing_for(weights: Path, architecture: Architecture, request: Request) -> tuple[Preprocessing, str]:
    beside = weights.parent / preprocessing.FILE_NAME
    if request.preprocessing:
        given = Path(request.preprocessing)
        return preprocessing.read(given), f"preprocessing: {given.name}, given"
    if beside.is_file():
        return preprocessing.read(beside), f"preprocessing: {beside.name}, found beside the weights"
    if architecture.own:
        assumed, whose = preprocessing.IMAGENET_DEFAULT, "ASSUMED, as is usual for ImageNet"
    else:
        assumed = preprocessing.of_preset(imagenet.weights_of(architecture.name).transforms())
        whose = f"torchvision's for {architecture.name}"
    said = f"preprocessing: {whose}: shorter side {assumed.resize}, crop {assumed.crop} (else PREPROCESSING=<file>)"
    return assumed, said


def _checked(source: Source, request: Request) -> Source:
    """With the activation that its outputs ask for. Raises KitError when it cannot be served as it is."""
    crop, name = source.preprocessing.crop, source.architecture.name
    pictures = source.preprocessing.normalised(example(3, crop))
    activation, said = activations.of(name, source.logits(pictures), len(source.labels), bool(request.multilabel))
    soundness.check_answers(name, source.network, source.logits, pictures)
    notes = [*source.notes, said] if said else list(source.notes)
    black = source.preprocessing.normalised(torch.zeros(1, 3, crop, crop, dtype=torch.uint8))
    if not source.logits(black).isfinite().all():
        notes.append("a black picture is answered with NaN, so a server answers 500 to such: a division by zero?")
    return replace(source, activation=activation, notes=notes)


def checked_on(request: Request, names: list[str]) -> Found:
    """PICTURES, or the embedded model's own."""
    name = "PICTURES" if request.pictures else "the embedded pictures"
    return find(request.pictures or str(EMBEDDED_PICTURES), name, names)
