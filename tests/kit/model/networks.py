"""Networks that int8 ruins, or nearly, and ones that cannot be followed."""

from dataclasses import replace

import torch
from safetensors.torch import save_file

from kit.model.source.request import Request
from tests.support_models import Workshop

HUGE = 3e4
# The colours are in channels 0 to 2, as in Tiny; channel 7 is a bright spot without meaning, and so large that eight
# bits for both leave the colours none. It passes through the `wide` layers and is dropped before the `narrow` ones.
OUTLIERS = """
from torch import nn


class Outliers(nn.Sequential):
    def __init__(self, num_classes, wide, narrow):
        layers = [nn.Conv2d(3, 8, 3, stride=2)]
        layers += [nn.Conv2d(8, 8, 1) for _ in range(wide + narrow)]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes))


def ruined(num_classes):
    return Outliers(num_classes, 4, 0)


def saved(num_classes):
    return Outliers(num_classes, 1, 4)
"""


def with_outliers(workshop: Workshop, function: str) -> Request:
    """The workshop's request with the network above: `ruined` drops the huge channel in its fifth layer of six,
    `saved` in its second of seven."""
    drops, layers = {"ruined": (4, 5), "saved": (1, 6)}[function]
    first = torch.zeros(8, 3, 3, 3)
    for colour in range(3):
        first[colour, colour] = 0.3
    state = {"0.weight": first, "0.bias": torch.tensor([0.0] * 7 + [HUGE])}
    for layer in range(1, layers):
        through = torch.eye(8).reshape(8, 8, 1, 1).clone()
        through[7] *= layer < drops
        state |= {f"{layer}.weight": through, f"{layer}.bias": torch.zeros(8)}
    head = torch.zeros(3, 8)
    for row, channel in enumerate((2, 1, 0)):  # labels: blue, green, red
        head[row, channel] = 2.0
    weights = workshop.folder / "outliers.safetensors"
    save_file(state | {f"{layers + 2}.weight": head, f"{layers + 2}.bias": torch.zeros(3)}, str(weights))
    arch = workshop.write_network("outliers.py", OUTLIERS).replace(":make", f":{function}")
    return replace(workshop.request(arch, weights=str(weights)), precision="int8", platform="linux_x86_64")


BRANCHING = """
from net import Tiny

class Branching(Tiny):
    def forward(self, x):
        if x.sum() > 0:
            return super().forward(x)
        return super().forward(x)

def make(num_classes):
    return Branching(num_classes)
"""
