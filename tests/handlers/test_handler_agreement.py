"""The embedded model answers through the handler as it does in eager torchvision, alone and in batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.models import resnet18
from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

from tests.handlers.handler_worker import MODEL, Worker, write_archive

CLASSES = 43
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Served(torch.nn.Module):
    """The archive's contract around a network: uint8 pixels in, probabilities out."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network
        self.mean = torch.nn.Buffer(torch.tensor(MEAN).view(1, 3, 1, 1) * 255)
        self.std = torch.nn.Buffer(torch.tensor(STD).view(1, 3, 1, 1) * 255)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.network((pixels.float() - self.mean) / self.std), 1)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    network: torch.nn.Module = resnet18(num_classes=CLASSES)
    weights = load_file(MODEL / f"{MODEL.name}.safetensors")
    network.load_state_dict({name: w.float() if w.is_floating_point() else w for name, w in weights.items()})
    return network.eval().to(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, network: torch.nn.Module) -> Worker:
    labels = [str(index) for index in range(CLASSES)]
    return Worker(write_archive(tmp_path_factory.mktemp("real"), Served(network), labels, {"threads": "all"}), 8)


def test_top_1_is_eager_torchvisions(real: Worker, network: torch.nn.Module, photographs: list[Path]) -> None:
    prepare = Compose([Resize(224), CenterCrop(224), ToTensor(), Normalize(MEAN, STD)])
    same = 0
    for at in range(0, len(photographs), 8):
        paths = photographs[at : at + 8]
        with torch.inference_mode():
            batch = torch.stack([prepare(Image.open(path).convert("RGB")) for path in paths])
            eager = torch.softmax(network(batch), 1)
        for answer, expected in zip(real.ask(*(path.read_bytes() for path in paths)), eager, strict=True):
            best, probability = next(iter(answer.body.items()))
            same += int(best) == int(expected.argmax())
            assert probability == pytest.approx(float(expected[int(best)]), abs=0.002)
    assert len(photographs) == 215
    assert same / len(photographs) >= 0.99


def test_an_answer_does_not_depend_on_the_batch(real: Worker, photographs: list[Path]) -> None:
    pictures = [path.read_bytes() for path in photographs[::9]]
    alone = [real.one(picture).body for picture in pictures]
    for size in (2, 3, 8):
        for at in range(0, len(pictures), size):
            for offset, answer in enumerate(real.ask(*pictures[at : at + size])):
                expected = alone[at + offset]
                assert list(answer.body) == list(expected)
                assert answer.body == pytest.approx(expected, abs=1e-5)
