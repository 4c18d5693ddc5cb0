"""A batch's pictures decoded by several threads: the same answers, each in its place, and nothing shared goes wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from input_error import InputError
from picture_decoder import PictureDecoder
from tests.handlers.handler_worker import Worker

THREADS = 4


@pytest.fixture
def decoder() -> PictureDecoder:
    return PictureDecoder(224, 224, Image.Resampling.BILINEAR, 50_000_000)


def test_threads_answer_as_one_does_and_what_is_wrong_with_one_is_said_in_its_place(
    load: Callable[..., Worker], photographs: list[Path]
) -> None:
    bodies = [path.read_bytes() for path in photographs[:12]]
    bodies[3], bodies[7] = b"", b"not a picture"
    bodies[9] = bodies[9][: len(bodies[9]) // 2]
    worker = load({"threads": THREADS})
    together = worker.ask(*bodies)
    alone = [worker.one(body) for body in bodies]
    assert [answer.status for answer in together] == [answer.status for answer in alone]
    assert [answer.status for answer in together if answer.status != 200] == [400, 415, 422]
    for one, other in zip(together, alone, strict=True):
        if one.status == 200:
            assert list(one.body) == list(other.body)
            assert list(one.body.values()) == pytest.approx(list(other.body.values()), abs=1e-5)


def test_pixels_and_refusals_come_in_order_with_the_time_each_took(
    decoder: PictureDecoder, photographs: list[Path]
) -> None:
    many: list[bytes] = [path.read_bytes() for path in photographs[:8]] + [b"", b"x"]
    with ThreadPoolExecutor(THREADS) as threads:
        found = list(decoder.pictures(many, threads))
    assert all(seconds > 0 for _, seconds in found)
    for data, (shown, _) in zip(many[:8], found, strict=False):
        assert not isinstance(shown, InputError)
        np.testing.assert_array_equal(shown.pixels, decoder.decode(data))
    assert [error.code for error, _ in found[8:] if isinstance(error, InputError)] == [400, 415]


def test_what_pillow_warns_of_is_heard_nowhere_and_the_filters_are_as_before(
    decoder: PictureDecoder, photographs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest makes an error of each warning here, and the filters are one for all threads."""
    opened = Image.open

    def noisy(*given: Any, **more: Any) -> Image.Image:
        warnings.warn("Corrupt EXIF data", UserWarning, stacklevel=1)
        return opened(*given, **more)

    monkeypatch.setattr(Image, "open", noisy)
    before: list[Any] = list(warnings.filters)
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in range(5):
            found = decoder.pictures([photographs[0].read_bytes()] * 16, threads)
            assert not any(isinstance(shown, InputError) for shown, _ in found)
    assert list(warnings.filters) == before
