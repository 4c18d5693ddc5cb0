import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kit.errors import KitError
from kit.model import imagenet, preprocessing
from kit.model.decoding import decode
from tests.support_models import PREPROCESSING


def test_a_file_reads_and_writes_the_same(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(PREPROCESSING))
    assert preprocessing.read(tmp_path / "p.json").document() == PREPROCESSING


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"crop": 0}, "'crop' must be a whole number"),
        ({"resize": "big"}, "'resize' must be a whole number"),
        ({"resize": 20}, "smaller than 'crop'"),
        ({"interpolation": "magic"}, "'interpolation' must be one of"),
        ({"antialias": False}, "'antialias' must be true"),
        ({"interpolation": "nearest-exact"}, "'interpolation' must be one of nearest, box, bilinear"),
        ({"mean": [1, 2]}, "'mean' must be three numbers"),
        ({"mean": [123.7, 116.3, 103.5]}, "'mean' must be three numbers"),
        ({"std": [0.2, 0.2, 0]}, "'std' must be above 0"),
        ({"size": 224}, "unknown key 'size'"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    (tmp_path / "p.json").write_text(json.dumps(PREPROCESSING | change))
    with pytest.raises(KitError, match=r"p\.json") as raised:
        preprocessing.read(tmp_path / "p.json")
    assert said in raised.value.message


def test_torchvisions_own_preset_is_taken_over() -> None:
    preset = imagenet.weights_of("inception_v3").transforms()
    found = preprocessing.of_preset(preset)
    assert (found.resize, found.crop, found.interpolation, found.antialias) == (342, 299, "bilinear", True)


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_b0", "vit_b_16"])
def test_the_figures_are_torchvisions(name: str, tmp_path: Path) -> None:
    """To within one of 255 steps of a pixel: the handler resamples once where torchvision rounds in between."""
    preset = imagenet.weights_of(name).transforms()
    steps = preprocessing.of_preset(preset)
    picture = Image.effect_mandelbrot((400, 300), (-2, -1, 1, 1), 40).convert("RGB")
    picture.save(tmp_path / "p.png")
    found = steps.normalised(decode(tmp_path / "p.png", steps).unsqueeze(0))
    assert (found - preset(picture)).abs().max() < 1.01 / 255 / min(steps.std)
