import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kit.errors import KitError
from kit.model import imagenet, preprocessing
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
        ({"antialias": "yes"}, "'antialias' must be true or false"),
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
def test_our_pipeline_is_torchvisions(name: str) -> None:
    preset = imagenet.weights_of(name).transforms()
    steps = preprocessing.of_preset(preset)
    picture = Image.effect_mandelbrot((400, 300), (-2, -1, 1, 1), 40).convert("RGB")
    assert (steps.normalised(steps.cropped(picture)) - preset(picture)).abs().max() < 1e-6


def test_a_gray_or_transparent_picture_becomes_rgb() -> None:
    for mode in ("L", "RGBA", "P", "CMYK"):
        crop = preprocessing.IMAGENET_DEFAULT.cropped(Image.new(mode, (300, 300)))
        assert preprocessing.as_bytes(crop).shape == (3, 224, 224)
