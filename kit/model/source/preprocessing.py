"""How a picture becomes the network's input: preprocessing.json. The handler decodes, resizes and crops by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

import kit.handlers  # noqa: F401
from common.errors import UsageError
from crop_geometry import CROP, FITS, PAD
from kit.files import read_json

FILE_NAME = "preprocessing.json"


# ITU-R BT.601, by which Pillow converts to gray.
GRAY = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Preprocessing:
    """A picture fitted into crop × crop pixels, then (x / 255 - mean) / std for red, green, blue, or for gray alone
    where `channels` is 1.

    `fit`: "crop" is torchvision's Resize(resize) of the shorter side and CenterCrop(crop); "squash" Resize((resize,
    resize)), which changes the proportions, and CenterCrop(crop); "pad" makes the longer side `crop` and puts black
    bars beside the picture.
    """

    resize: int
    crop: int
    interpolation: str
    antialias: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: int = 3
    fit: str = CROP

    def document(self) -> dict[str, Any]:
        """What preprocessing.json holds: `channels` and `fit` only where they are not the usual."""
        usual = {"channels": 3, "fit": CROP}
        settings = {**asdict(self), "mean": list(self.mean), "std": list(self.std)}
        return {key: value for key, value in settings.items() if usual.get(key) != value}

    def normalised(self, crops: Tensor) -> Tensor:
        """uint8 [N, 3, crop, crop] → float32 [N, channels, crop, crop], as the network was trained on."""
        mean, std = (torch.tensor(row).reshape(-1, 1, 1) for row in (self.mean, self.std))
        return self.planes(crops.to(torch.float32)).div(255).sub(mean).div(std)

    def planes(self, crops: Tensor) -> Tensor:
        """float32 [N, 3, …] → [N, channels, …]."""
        if self.channels == 3:
            return crops
        return (crops * torch.tensor(GRAY).reshape(3, 1, 1)).sum(dim=1, keepdim=True)


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
    known = [key.name for key in fields(Preprocessing)]
    if unknown := sorted(set(document) - set(known)):
        raise _wrong(path, f"unknown key {unknown[0]!r}; it may hold {', '.join(known)}")
    channels = document.get("channels", 3)
    if channels not in (1, 3) or isinstance(channels, bool):
        raise _wrong(path, f"'channels' must be 3 (red, green, blue) or 1 (gray), not {channels!r}")
    if channels == 1 and not {"mean", "std"} <= document.keys():
        raise _wrong(path, "with one channel it must name 'mean' and 'std', one number each")
    settings = {**asdict(IMAGENET_DEFAULT), **document}
    _check_sizes(path, settings, document)
    modes = [mode.name.lower() for mode in Image.Resampling]
    if settings["interpolation"] not in modes:
        raise _wrong(path, f"'interpolation' must be one of {', '.join(modes)}")
    if settings["antialias"] is not True:
        raise _wrong(path, "'antialias' must be true: Pillow, which decodes the pictures, always resamples with it")
    for key in ("mean", "std"):
        settings[key] = _figures(path, key, settings[key], channels)
    if min(settings["std"]) <= 0:
        raise _wrong(path, "'std' must be above 0")
    return Preprocessing(**settings)


def _check_sizes(path: Path, settings: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    for key in ("resize", "crop"):
        value = document.get(key)
        if isinstance(value, list):
            why = "for Resize((h, w)), which changes the proportions, a number and 'fit': 'squash'"
            raise _wrong(path, f"{key!r} must be one number, since the network's input has to be square; {why}")
        if type(value) is not int or value < 1:
            raise _wrong(path, f"{key!r} must be a whole number of pixels")
    if settings["fit"] not in FITS:
        raise _wrong(path, f"'fit' must be one of {', '.join(FITS)}")
    if settings["resize"] < settings["crop"]:
        raise _wrong(path, f"'resize' ({settings['resize']}) is smaller than 'crop' ({settings['crop']})")
    if settings["fit"] == PAD and settings["resize"] != settings["crop"]:
        raise _wrong(path, "with 'fit': 'pad', 'resize' and 'crop' must be the same")


def _figures(path: Path, key: str, figures: Any, channels: int) -> tuple[float, ...]:
    wanted = "three numbers (red, green, blue)" if channels == 3 else "a list of one number (gray)"
    if not isinstance(figures, list | tuple) or len(figures) != channels or not all(map(_is_number, figures)):
        raise _wrong(path, f"{key!r} must be {wanted}, each of 0 to 1")
    if max(figures) > 1:
        divided = [round(value / 255, 4) for value in figures]
        raise _wrong(path, f"{key!r} is {list(figures)}, on the scale of 0 to 255; on that of 0 to 1 it is {divided}")
    return tuple(float(value) for value in figures)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 255


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(f"{path}: {what}", f"write it like {IMAGENET_DEFAULT.document()}")
