"""How a picture becomes the network's input: preprocessing.json, and the plain torchvision pipeline it means."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

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

    def cropped(self, picture: Image.Image) -> Image.Image:
        """RGB, crop × crop pixels."""
        resize = transforms.Resize(
            self.resize, transforms.InterpolationMode(self.interpolation), antialias=self.antialias
        )
        made: Image.Image = transforms.CenterCrop(self.crop)(resize(picture.convert("RGB")))
        return made

    def normalised(self, crop: Image.Image) -> Tensor:
        """float32 [3, crop, crop], as the network was trained on."""
        made: Tensor = transforms.Normalize(self.mean, self.std)(transforms.ToTensor()(crop))
        return made


def as_bytes(crop: Image.Image) -> Tensor:
    """A crop as the servable takes it: uint8 [3, crop, crop]."""
    made: Tensor = transforms.PILToTensor()(crop)
    return made.to(torch.uint8)


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
        antialias=preset.antialias is not False,
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
    modes = [mode.value for mode in transforms.InterpolationMode]
    if settings["interpolation"] not in modes:
        raise _wrong(path, f"'interpolation' must be one of {', '.join(modes)}")
    if not isinstance(settings["antialias"], bool):
        raise _wrong(path, "'antialias' must be true or false")
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
