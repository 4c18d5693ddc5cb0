import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor, to_pil_image

from common.errors import KitError
from kit.model.pictures.decoding import decode
from kit.model.source import imagenet, preprocessing
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
        ({"mean": [1, 0.2]}, "'mean' must be three numbers"),
        ({"mean": [123.7, 116.3, 103.5]}, "on that of 0 to 1 it is [0.4851, 0.4561, 0.4059]"),
        ({"mean": [1000, 0, 0]}, "'mean' must be three numbers"),
        ({"resize": [36, 36]}, "'fit': 'squash'"),
        ({"crop": [32, 24]}, "has to be square"),
        ({"fit": "stretch"}, "'fit' must be one of crop, squash, pad"),
        ({"fit": "pad"}, "'resize' and 'crop' must be the same"),
        ({"channels": 4}, "'channels' must be 3"),
        ({"channels": 1}, "a list of one number (gray)"),
        ({"std": [0.2, 0.2, 0]}, "'std' must be above 0"),
        ({"size": 224}, "unknown key 'size'"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    (tmp_path / "p.json").write_text(json.dumps(PREPROCESSING | change))
    with pytest.raises(KitError, match=r"p\.json") as raised:
        preprocessing.read(tmp_path / "p.json")
    assert said in raised.value.message


def test_gray_and_other_fits_are_read_and_written(tmp_path: Path) -> None:
    gray = {**PREPROCESSING, "mean": [0.1307], "std": [0.3081], "channels": 1, "fit": "squash"}
    (tmp_path / "p.json").write_text(json.dumps(gray))
    assert preprocessing.read(tmp_path / "p.json").document() == gray
    del gray["mean"]
    (tmp_path / "p.json").write_text(json.dumps(gray))
    with pytest.raises(KitError, match="must name 'mean' and 'std', one number each"):
        preprocessing.read(tmp_path / "p.json")


def test_one_channel_is_gray_as_pillow_makes_it() -> None:
    steps = preprocessing.Preprocessing(32, 32, "bilinear", True, (0.5,), (0.25,), channels=1)
    crops = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    gray = torch.stack([pil_to_tensor(to_pil_image(crop).convert("L")) for crop in crops])
    assert (steps.normalised(crops) - (gray / 255 - 0.5) / 0.25).abs().max() <= 1.01 / 255 / 0.25


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
