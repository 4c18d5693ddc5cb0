"""What the archive says about the model, checked before the first request: a typing error stops the load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from PIL import Image

import processors
from crop_geometry import CROP, FITS
from samples import SampleSettings

SECTION, SAMPLE = "handler", "sample"
# `precision` and `runtime` are the model file's already: export reads them, and here they only must not count as typing
# errors.
KEYS = ("threads", "topk", "maxPixels", "precision", "runtime")
ALL = "all"
# Above twice Pillow's own limit Pillow refuses by itself, so a larger setting could not be kept.
MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)


@dataclass(frozen=True)
class HandlerSettings:
    """The `handler:` section of model-config.yaml.

    One thread is the default because every core can have a worker of its own; workers × threads beyond the
    cores slows them all.
    """

    threads: int = 1
    topk: int = 5
    max_pixels: int = 50_000_000


@dataclass(frozen=True)
class Preprocessing:
    """How a picture gets into crop × crop pixels: see `fit` in crop_geometry."""

    resize: int
    crop: int
    interpolation: Image.Resampling
    fit: str = CROP


def settings(model_yaml_config: Any) -> HandlerSettings:
    """Raises ValueError naming the key that is unknown or whose value cannot be."""
    section = (model_yaml_config or {}).get(SECTION) or {}
    if not isinstance(section, Mapping):
        raise ValueError(f"model-config.yaml: {SECTION}: must hold keys and values, not {section!r}")
    unknown = [str(key) for key in section if key not in KEYS]
    if unknown:
        raise ValueError(
            f"model-config.yaml: {SECTION}: does not know {', '.join(unknown)}; it knows {', '.join(KEYS)}"
        )
    cores = processors.allowed()
    threads = section.get("threads", HandlerSettings.threads)
    return HandlerSettings(
        threads=cores if threads == ALL else _count("threads", threads, 1024, f", or {ALL}"),
        topk=_count("topk", section.get("topk", HandlerSettings.topk), 1_000_000),
        max_pixels=_count("maxPixels", section.get("maxPixels", HandlerSettings.max_pixels), MOST_PIXELS),
    )


def sample(model_yaml_config: Any) -> SampleSettings | None:
    """None where there is no such section: then no picture is kept. Raises ValueError as `settings` does."""
    section = (model_yaml_config or {}).get(SAMPLE)
    if section is None:
        return None
    known = [field.name for field in fields(SampleSettings)]
    if not isinstance(section, Mapping) or any(key not in known for key in section):
        raise ValueError(f"model-config.yaml: {SAMPLE}: takes {', '.join(known)}, not {section!r}")
    return SampleSettings(**{key: _count(key, value, 100_000, section=SAMPLE) for key, value in section.items()})


def preprocessing(path: Path) -> Preprocessing:
    """preprocessing.json without its mean and std, which are in the model. Raises ValueError naming the key."""
    content = _read_json(path)
    resize: Any = content.get("resize")
    crop: Any = content.get("crop")
    if not (_is_whole(resize) and _is_whole(crop) and 1 <= crop <= resize):
        raise ValueError(f"{path.name}: needs whole numbers 1 <= crop <= resize, not crop {crop!r}, resize {resize!r}")
    if content.get("antialias", True) is not True:
        raise ValueError(f"{path.name}: antialias must be true: Pillow always resamples with it")
    name = content.get("interpolation", "bilinear")
    try:
        interpolation = Image.Resampling[str(name).upper()]
    except KeyError:
        known = ", ".join(filter.name.lower() for filter in Image.Resampling)
        raise ValueError(f"{path.name}: interpolation {name!r} is unknown; Pillow has {known}") from None
    fit = content.get("fit", CROP)
    if fit not in FITS:
        raise ValueError(f"{path.name}: fit {fit!r} is unknown; it may be {', '.join(FITS)}")
    return Preprocessing(resize, crop, interpolation, fit)


def labels(path: Path) -> list[str]:
    """index_to_name.json as a list. Raises ValueError unless its keys are 0 to n - 1."""
    content = _read_json(path)
    try:
        return [str(content[str(index)]) for index in range(len(content))]
    except KeyError as error:
        raise ValueError(f'{path.name}: the keys must be "0" to "{len(content) - 1}"; {error} is missing') from None


def _read_json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name}: must hold a JSON object, not {type(content).__name__}")
    return content


def _count(key: str, value: Any, most: int, alternative: str = "", section: str = SECTION) -> int:
    if not (_is_whole(value) and 1 <= value <= most):
        raise ValueError(
            f"model-config.yaml: {section}: {key} must be a whole number from 1 to {most}{alternative}, not {value!r}"
        )
    return int(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
