"""A network of somebody's own, trained in a second: a ResNet50 whose last layer knows fifteen photographs by heart."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from kit.model.pictures import decoding
from kit.model.pictures.choosing import find
from kit.model.source import preprocessing
from kit.model.source.imagenet import weights_of
from kit.model.source.resolving import EMBEDDED_PICTURES
from tests.support_models import fit_batch_norms

LABELS = ("Banana", "Lemon", "Papaya")
SURE = 5.0  # half of what lies between the right answer's figure and another's


def make(folder: Path) -> None:
    """Write shelf.safetensors, shelf.txt and the photographs in holdout/."""
    for label in LABELS:
        shutil.copytree(EMBEDDED_PICTURES / label, folder / "holdout" / label)
    folder.joinpath("shelf.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    found = find(str(folder / "holdout"), "PICTURES", LABELS).pictures
    steps = preprocessing.of_preset(weights_of("resnet50").transforms())
    pictures = steps.normalised(next(decoding.crops(found, steps, len(found))))
    right = torch.tensor([LABELS.index(picture.label or "") for picture in found])
    save_file(_trained(pictures, right), folder / "shelf.safetensors")


def _trained(pictures: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
    """Random weights, batch norms that fit the pictures, and the last layer by least squares; its weights."""
    torch.manual_seed(0)
    network = models.resnet50(weights=None, num_classes=len(LABELS))
    last, network.fc = network.fc, nn.Identity()
    fit_batch_norms(network, pictures)
    with torch.inference_mode():
        features = network(pictures)
        wanted = SURE * (2 * nn.functional.one_hot(right, len(LABELS)) - 1)
        middle = features.mean(dim=0)
        slope = torch.linalg.pinv(features - middle) @ wanted
    with torch.no_grad():
        last.weight.copy_(slope.T)
        last.bias.copy_(-middle @ slope)
    network.fc = last
    weights: dict[str, torch.Tensor] = network.state_dict()
    return weights
