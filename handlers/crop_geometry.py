"""Where in a picture its preprocessing looks, as one box: by default torchvision's Resize(resize) + CenterCrop(crop).

Resampling just that box straight to crop × crop gives the pixels of resizing everything and cutting afterwards,
without making the pixels that are cut away.
"""

from __future__ import annotations

from PIL import Image

# "crop": Resize(resize) of the shorter side, CenterCrop(crop). "squash": Resize((resize, resize)), which changes the
# proportions, CenterCrop(crop). "pad": the longer side to `crop`, and black beside the shorter.
CROP, SQUASH, PAD = FITS = ("crop", "squash", "pad")

Box = tuple[float, float, float, float]
"""left, top, right, bottom, in pixels of the picture as stored."""

# EXIF orientation → what turns the stored picture upright, and whether upright x, y run against the stored
# axis they lie on.
TURNS: dict[int, tuple[Image.Transpose, bool, bool]] = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, True, False),
    3: (Image.Transpose.ROTATE_180, True, True),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, False, True),
    5: (Image.Transpose.TRANSPOSE, False, False),
    6: (Image.Transpose.ROTATE_270, True, False),
    7: (Image.Transpose.TRANSVERSE, True, True),
    8: (Image.Transpose.ROTATE_90, False, True),
}
FIRST_ORIENTATION_ON_ITS_SIDE = 5


def crop_box(size: tuple[int, int], resize: int, crop: int) -> Box:
    """The part of an upright picture of `size` (width, height) that becomes the crop.

    Rounds where torchvision rounds: the long side down (int), the crop's corner to the nearest, halves to even
    (round).
    """
    width, height = size
    short, long = min(size), max(size)
    scaled_long = int(resize * long / short)
    scaled = (resize, scaled_long) if width <= height else (scaled_long, resize)
    left, top = (round((side - crop) / 2.0) for side in scaled)
    across, down = width / scaled[0], height / scaled[1]
    return left * across, top * down, (left + crop) * across, (top + crop) * down


def stored_crop_box(stored: tuple[int, int], orientation: int, resize: int, crop: int) -> Box:
    """`crop_box` of the upright picture, in the coordinates of the picture as stored.

    Computed upright and then turned back, because the crop's corner does not round the same from both ends.
    """
    on_its_side = orientation >= FIRST_ORIENTATION_ON_ITS_SIDE
    width, height = upright_size(stored, orientation)
    left, top, right, bottom = crop_box((width, height), resize, crop)
    _, against_x, against_y = TURNS.get(orientation, (None, False, False))
    if against_x:
        left, right = width - right, width - left
    if against_y:
        top, bottom = height - bottom, height - top
    return (top, left, bottom, right) if on_its_side else (left, top, right, bottom)


def fitted(stored: tuple[int, int], orientation: int, resize: int, crop: int, fit: str) -> tuple[Box, tuple[int, int]]:
    """The part of the picture as stored that is looked at, and the size (width, height) that it is resampled to."""
    width, height = stored
    if fit == CROP:
        return stored_crop_box(stored, orientation, resize, crop), (crop, crop)
    if fit == SQUASH:
        across, down = (side * (resize - crop) / (2 * resize) for side in stored)
        return (across, down, width - across, height - down), (crop, crop)
    across, down = (max(1, round(side * crop / max(stored))) for side in stored)
    return (0.0, 0.0, float(width), float(height)), (across, down)


def upright_size(stored: tuple[int, int], orientation: int) -> tuple[int, int]:
    return stored[::-1] if orientation >= FIRST_ORIENTATION_ON_ITS_SIDE else stored


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture turned as its EXIF orientation says; an orientation that does not exist turns nothing."""
    return picture.transpose(TURNS[orientation][0]) if orientation in TURNS else picture
