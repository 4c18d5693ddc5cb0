"""How a picture becomes the network's input: preprocessing.json. The handler decodes, resizes and crops by it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from kit.errors import UsageError
from kit.files import read_json

FILE_NAME = "preprocessing.json"


@dataclass(frozen=True)
class Preprocessing:
    """Shorter side to `resize` pixels, centre `crop`; then (x / 255 - mean) / std for red, green, blue."""

    resize: int
    crop: int
    interpolation: str
    antialias: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    def normalised(self, crops: Tensor) -> Tensor:
        """uint8 [N, 3, crop, crop] → float32 of the same shape, as the network was trained on."""
        mean, std = (torch.tensor(row).reshape(3, 1, 1) for row in (self.mean, self.std))
        return crops.to(torch.float32).div(255).sub(mean).div(std)


IMAGENET_DEFAULT = Preprocessing(
    resize=256,
    crop=224,
    interpolation="bilinear",
    antialias=True,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)


def of_preset(preset: Any) -> Preprocessing:
    """torchvision's own ImageClassification preset in our words."""
    return Preprocessing(
        resize=preset.resize_size[0],
        crop=preset.crop_size[0],
        interpolation=preset.interpolation.value,
        antialias=True,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )


def read(path: Path) -> Preprocessing:
    """A preprocessing.json. Raises UsageError naming the key that is wrong."""
    document = read_json(path)
    if not isinstance(document, dict):
        raise _wrong(path, "it must hold an object")
    known = set(IMAGENET_DEFAULT.document())
    if unknown := sorted(set(document) - known):
        raise _wrong(path, f"unknown key {unknown[0]!r}; it may hold {', '.join(sorted(known))}")
    settings = {**IMAGENET_DEFAULT.document(), **document}
    for key in ("resize", "crop"):
        if key not in document or type(document[key]) is not int or document[key] < 1:
            raise _wrong(path, f"{key!r} must be a whole number of pixels")
    if settings["resize"] < settings["crop"]:
        raise _wrong(path, f"'resize' ({settings['resize']}) is smaller than 'crop' ({settings['crop']})")
    modes = [mode.name.lower() for mode in Image.Resampling]
    if settings["interpolation"] not in modes:
        raise _wrong(path, f"'interpolation' must be one of {', '.join(modes)}")
    if settings["antialias"] is not True:
        raise _wrong(path, "'antialias' must be true: Pillow, which decodes the pictures, always resamples with it")
    for key in ("mean", "std"):
        figures = settings[key]
        if not isinstance(figures, list) or len(figures) != 3 or not all(_is_number(value) for value in figures):
            raise _wrong(path, f"{key!r} must be three numbers (red, green, blue), each of 0 to 1")
        settings[key] = tuple(float(value) for value in figures)
    if min(settings["std"]) <= 0:
        raise _wrong(path, "'std' must be above 0")
    return Preprocessing(**settings)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(f"{path}: {what}", f"write it like {IMAGENET_DEFAULT.document()}")
