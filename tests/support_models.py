"""A model small enough for tests: a network in a user's own file, its weights, labels, pictures and a profile."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from kit.model.source.request import Request
from kit.profiles import Profile

NETWORK = """
from torch import nn


class Tiny(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.head(self.norm(self.convolution(x)).relu().mean((2, 3)))


def make(num_classes):
    return Tiny(num_classes)
"""
COLOURS = {"blue": (20, 40, 220), "green": (30, 200, 60), "red": (210, 30, 40)}
PREPROCESSING = {
    "resize": 36,
    "crop": 32,
    "interpolation": "bilinear",
    "antialias": True,
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.25, 0.3],
}


@dataclass(frozen=True)
class Workshop:
    """What a user with an own model has in a folder."""

    folder: Path

    @property
    def network(self) -> str:
        return f"{self.folder / 'net.py'}:make"

    @property
    def weights(self) -> Path:
        return self.folder / "tiny.safetensors"

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def profile(self) -> Profile:
        return Profile("bench", self.folder / "bench", "a test's")

    def request(self, arch: str = "", weights: str = "", labels: str = "", model_name: str = "") -> Request:
        arch, weights = arch or self.network, weights or str(self.weights)
        return Request(arch, weights, labels, pictures=str(self.pictures), model_name=model_name)

    def variables(self) -> dict[str, str]:
        """The same as environment variables, as make passes them."""
        return {
            "PROFILE": str(self.profile.folder),
            "ARCH": self.network,
            "WEIGHTS": str(self.weights),
            "PICTURES": str(self.pictures),
        }

    def write_network(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return f"{self.folder / name}:make"


def state() -> dict[str, torch.Tensor]:
    """Weights that answer by colour: channel sums through an identity-like convolution."""
    convolution = torch.zeros(8, 3, 3, 3)
    for colour in range(3):
        convolution[colour, colour] = 0.3
    head = torch.zeros(3, 8)
    for row, channel in enumerate((2, 1, 0)):  # labels: blue, green, red
        head[row, channel] = 2.0
    return {
        "convolution.weight": convolution,
        "convolution.bias": torch.zeros(8),
        "norm.weight": torch.ones(8),
        "norm.bias": torch.zeros(8),
        "norm.running_mean": torch.zeros(8),
        "norm.running_var": torch.ones(8),
        "norm.num_batches_tracked": torch.tensor(1),
        "head.weight": head,
        "head.bias": torch.tensor([0.1, 0.0, -0.1]),
    }


def make_workshop(folder: Path, precision: str = "fp32") -> Workshop:
    folder.mkdir(parents=True, exist_ok=True)
    made = Workshop(folder)
    (folder / "net.py").write_text(NETWORK)
    (folder / "labels.txt").write_text("\n".join(COLOURS) + "\n")
    (folder / "preprocessing.json").write_text(json.dumps(PREPROCESSING))
    save_file(state(), str(made.weights))
    for name, colour in COLOURS.items():
        (made.pictures / name).mkdir(parents=True)
        for index in range(2):
            shade = tuple(min(255, value + 12 * index) for value in colour)
            Image.new("RGB", (48 + index, 40), shade).save(made.pictures / name / f"{name}_{index}.png")
    made.profile.folder.mkdir()
    made.profile.properties.write_text("inference_address=http://127.0.0.1:8080\n")
    made.profile.model_config.write_text(f"minWorkers: 1\nhandler:\n  precision: {precision}\n")
    return made


def fit_batch_norms(network: nn.Module, pictures: torch.Tensor) -> None:
    """Give a network of random weights the pictures' statistics; it is in evaluation afterwards."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain average
    with torch.inference_mode():
        network.train()(pictures)
    network.eval()
