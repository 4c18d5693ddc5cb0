"""Pictures as the server sees them: read by the handler's own decoder, so that what is measured is what is served."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

import kit.handlers  # noqa: F401
from common.errors import KitError
from handler_settings import HandlerSettings
from input_error import InputError
from kit.model.pictures.choosing import Picture, batches
from kit.model.source.preprocessing import Preprocessing
from picture_decoder import PictureDecoder

SHOWN = 10


def crops(pictures: Sequence[Picture], steps: Preprocessing, size: int) -> Iterator[Tensor]:
    """Batches of `size` pictures: uint8 [N, 3, crop, crop]. Raises KitError after the last batch, naming every picture
    that a server would refuse."""
    refused: list[str] = []
    for batch in batches(pictures, size):
        decoded = []
        for picture in batch:
            try:
                decoded.append(decode(picture.file, steps))
            except KitError as error:
                refused.append(error.message)
        if decoded and not refused:
            yield torch.stack(decoded)
    if refused:
        more = f"\n  and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        raise KitError("\n  ".join(refused[:SHOWN]) + more, "remove them, or save them as ordinary JPEG or PNG files")


def decoder(steps: Preprocessing) -> PictureDecoder:
    """The handler's own, with its own limits."""
    interpolation = Image.Resampling[steps.interpolation.upper()]
    return PictureDecoder(steps.resize, steps.crop, interpolation, HandlerSettings.max_pixels, steps.fit)


def decode(file: Path, steps: Preprocessing) -> Tensor:
    """uint8 [3, crop, crop]. Raises KitError when a server would refuse the file."""
    try:
        return torch.from_numpy(decoder(steps).decode(file.read_bytes()).copy()).permute(2, 0, 1)
    except InputError as error:
        raise KitError(f"{file}: {error.message}") from None
    except OSError as error:
        raise KitError(f"{file} cannot be read: {error.strerror}") from None
