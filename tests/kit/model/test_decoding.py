"""What is measured is what is served: export reads a picture as the handler does."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from common.errors import KitError
from kit.model.pictures.choosing import Picture
from kit.model.pictures.decoding import crops, decode
from kit.model.source.preprocessing import Preprocessing

STEPS = Preprocessing(36, 32, "bilinear", True, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
GRADIENT = Image.merge("RGB", [Image.linear_gradient("L").rotate(angle).resize((48, 40)) for angle in (0, 90, 180)])


def pixels(picture: Image.Image) -> torch.Tensor:
    """What torchvision's Resize and CenterCrop make of it."""
    small = picture.resize((43, 36) if picture.width > picture.height else (36, 43), Image.Resampling.BILINEAR)
    left, top = round((small.width - 32) / 2), round((small.height - 32) / 2)
    return torch.from_numpy(np.asarray(small.crop((left, top, left + 32, top + 32))).copy()).permute(2, 0, 1)


def off(file: Path, wanted: Image.Image) -> int:
    return int((decode(file, STEPS).int() - pixels(wanted).int()).abs().max())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phones_photograph_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    GRADIENT.save(tmp_path / "p.png", exif=exif)
    with Image.open(tmp_path / "p.png") as opened:
        assert off(tmp_path / "p.png", ImageOps.exif_transpose(opened)) <= 1


def test_what_is_transparent_shows_white(tmp_path: Path) -> None:
    see_through = GRADIENT.convert("RGBA")
    see_through.putalpha(Image.linear_gradient("L").resize(GRADIENT.size))
    see_through.save(tmp_path / "p.png")
    white = Image.new("RGBA", GRADIENT.size, "white")
    assert off(tmp_path / "p.png", Image.alpha_composite(white, see_through).convert("RGB")) <= 2


def test_sixteen_bit_grays_keep_their_shades(tmp_path: Path) -> None:
    gray = GRADIENT.convert("L")
    Image.fromarray(np.asarray(gray).astype(np.uint16) * 257).save(tmp_path / "p.png")
    assert off(tmp_path / "p.png", gray.convert("RGB")) <= 1


def test_all_pictures_that_a_server_would_refuse_are_told_at_once(tmp_path: Path) -> None:
    GRADIENT.save(tmp_path / "good.png")
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    (tmp_path / "text.jpg").write_text("hello")
    shown = [Picture(tmp_path / name, None) for name in ("good.png", "cut.jpg", "text.jpg", "absent.jpg")]
    with pytest.raises(KitError) as raised:
        list(crops(shown, STEPS, 2))
    for words in (
        "cut.jpg: The JPEG picture cannot be",
        "text.jpg: This is not a picture",
        "absent.jpg cannot be read",
    ):
        assert words in raised.value.message
    assert "good.png" not in raised.value.message


def test_batches_hold_all_pictures_in_order(tmp_path: Path) -> None:
    for index in range(3):
        Image.new("RGB", (40, 40), (index, 0, 0)).save(tmp_path / f"{index}.png")
    found = list(crops([Picture(tmp_path / f"{index}.png", None) for index in range(3)], STEPS, 2))
    assert [len(batch) for batch in found] == [2, 1]
    assert torch.cat(found)[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.png")
    GRADIENT.save(file)
    assert off(file, GRADIENT) <= 1
