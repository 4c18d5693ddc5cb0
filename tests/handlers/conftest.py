"""Loaded handlers, photographs, and files of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.handlers.handler_worker import LABELS, MODEL, TinyModel, Worker, write_archive


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Worker]:
    """Loads the tiny model with a `handler:` section and preprocessing of the test's own."""

    def load(config: Any = None, labels: list[str] = LABELS, **preprocessing: Any) -> Worker:
        return Worker(write_archive(tmp_path, TinyModel(), labels, config, **preprocessing), 1)

    return load


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    folder = tmp_path_factory.mktemp("archive")
    return Worker(write_archive(folder, TinyModel(), LABELS, {"maxPixels": 2_000_000}), 8)


@pytest.fixture(scope="session")
def photographs() -> list[Path]:
    return sorted((MODEL / "validation").glob("*/*.jpg"))


@pytest.fixture(scope="session")
def photograph(photographs: list[Path]) -> Image.Image:
    """RGB, 300 × 401: no side divides evenly, so a rounding that differs from torchvision's shows."""
    with Image.open(photographs[3]) as picture:
        return picture.convert("RGB").resize((300, 401))


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    def encode(picture: Image.Image, kind: str, **options: Any) -> bytes:
        file = io.BytesIO()
        picture.save(file, kind, **options)
        return file.getvalue()

    return encode
