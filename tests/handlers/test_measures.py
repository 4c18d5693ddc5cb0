"""What the handler measures of pictures and answers, for a worker that records it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

import measures
import picture_statistics
from image_classifier import ImageClassifier
from input_error import REASONS
from picture_decoder import PictureDecoder
from tests.handlers.handler_worker import LABELS, TinyModel, write_archive
from worker.context import Context
from worker.metrics import Metrics
from worker.protocol import LoadRequest, Request

Encode = Callable[..., bytes]


def pixels(picture: Image.Image) -> Any:
    return np.asarray(picture.convert("RGB").resize((224, 224)))


def plain(red: int, green: int, blue: int) -> dict[str, float]:
    return picture_statistics.of(np.full((224, 224, 3), (red, green, blue), np.uint8))


@pytest.mark.parametrize(
    ("colour", "found"),
    [
        ((0, 0, 0), {"brightness": 0, "saturation": 0, "warmth": 0.5, "sharpness": 0}),
        ((255, 255, 255), {"brightness": 1, "saturation": 0, "warmth": 0.5, "sharpness": 0}),
        ((255, 0, 0), {"brightness": 1 / 3, "saturation": 1, "warmth": 1, "sharpness": 0}),
        ((0, 100, 200), {"brightness": 300 / 765, "saturation": 1, "warmth": 0.5 - 200 / 510, "sharpness": 0}),
    ],
)
def test_plain_colours(colour: tuple[int, int, int], found: dict[str, float]) -> None:
    assert plain(*colour) == pytest.approx(found, abs=1e-6)


def test_a_camera_that_goes_wrong_is_seen(photograph: Image.Image) -> None:
    good = picture_statistics.of(pixels(photograph))
    dark = picture_statistics.of(pixels(photograph.point(lambda value: value // 4)))
    blurred = picture_statistics.of(pixels(photograph.filter(ImageFilter.GaussianBlur(6))))
    grey = picture_statistics.of(pixels(photograph.convert("L")))
    swapped = picture_statistics.of(pixels(photograph)[:, :, ::-1])
    assert dark["brightness"] < good["brightness"] / 3
    assert blurred["sharpness"] < good["sharpness"] / 2
    assert grey["saturation"] == 0 != good["saturation"]
    assert swapped["warmth"] == pytest.approx(1 - good["warmth"])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (5, 5, 3), (32, 32, 3)])
def test_small_crops_have_statistics_too(shape: tuple[int, int, int]) -> None:
    found = picture_statistics.of(np.full(shape, 200, np.uint8))
    assert all(np.isfinite(value) for value in found.values())


@pytest.mark.parametrize(
    ("probabilities", "entropy"),
    [([1, 0, 0], 0), ([1 / 3] * 3, 1), ([0.5, 0.5, 0], np.log(2) / np.log(3)), ([1], 0), ([0, 0], 0), ([0.9, 0.9], 1)],
)
def test_entropy_goes_from_certain_to_all_alike(probabilities: list[float], entropy: float) -> None:
    assert measures.entropy(np.array(probabilities, np.float32)) == pytest.approx(entropy, abs=1e-6)


def test_classes_of_one_name_are_one_and_very_many_are_others() -> None:
    assert measures.distinct(["a", "b", "a"]) == ["a", "b"]
    assert measures.places(["a", "b", "a"]) == [0, 1, 0]
    many = [f"class {number}" for number in range(measures.MOST_LABELS + 5)]
    assert measures.distinct(many)[-1] == measures.OTHER
    assert measures.places(many)[-5:] == [measures.MOST_LABELS] * 5


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImageClassifier, Path]:
    folder = write_archive(tmp_path_factory.mktemp("archive"), TinyModel(), LABELS)
    return ImageClassifier(), folder


def test_what_was_measured_of_a_batch(
    classifier: tuple[ImageClassifier, Path], photograph: Image.Image, encode: Encode
) -> None:
    handler, folder = classifier
    metrics = Metrics(handler.measures(folder))
    manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text())
    row = metrics.row(metrics.take_row())
    context = Context(LoadRequest("tiny", str(folder), 8, "", None, "", True), manifest, {}, row)
    handler.initialize(context)
    wide = encode(photograph.resize((800, 400)), "JPEG")
    bodies = [wide, wide, b"not a picture", b"", wide]
    batch = [Request(b"1", {"body": bytearray(body)}, {}) for body in bodies]
    batch[-1] = Request(b"1", {"body": bytearray(wide)}, {"X-Probe": "1"})
    context.begin(batch)
    assert len(handler.handle([one.row for one in batch], context)) == 5
    told = {one["key"]: one for one in json.loads(metrics.document({}))["measures"]}
    assert told["refused"]["counts"] == {"not_served": 1, "empty": 1}
    assert sum(told["label"]["counts"].values()) == 2
    for key in ("decode", "network", "confidence", "entropy", "brightness", "saturation", "warmth", "sharpness"):
        assert sum(told[key]["counts"]) == 2, key
    assert told["aspect"]["sum"] == pytest.approx(4)
    assert told["megapixels"]["sum"] == pytest.approx(0.64)


def test_the_same_picture_again_is_counted(classifier: tuple[ImageClassifier, Path], photographs: list[Path]) -> None:
    handler, folder = classifier
    metrics = Metrics(handler.measures(folder))
    row = metrics.row(metrics.take_row())
    measured = measures.Measures(LABELS)
    for number in (0, 1, 1, 1, 2, 1):
        shown = PictureDecoder(224, 224, Image.Resampling.BILINEAR, 10**8).picture(photographs[number].read_bytes())
        measured.picture(row, shown, 0.01)
    told = {one["key"]: one for one in json.loads(metrics.document({}))["measures"]}
    assert told["repeated"]["counts"] == {"all": 2}


def test_outputs_are_counted_by_level_in_few_groups() -> None:
    assert measures.groups(3) == [0, 1, 2]
    first = measures.groups(1000)
    assert len(first) == measures.MOST_GROUPS and first[0] == 0 and first == sorted(set(first))
    many = np.full(1000, 0.0001, np.float32)
    many[first[7]] = 0.8
    sizes = np.diff([*first, 1000])
    assert measures.levels(many, first) == [7 * 5 + 4] and sizes.max() - sizes.min() <= 1
    assert measures.levels(np.array([0.01, 0.011, 0.5], np.float32), [0, 1, 2]) == [5, 13]


def test_every_reason_can_be_counted() -> None:
    declared = {one["key"]: one for one in measures.declared(LABELS)}
    assert declared["refused"]["values"] == list(REASONS)
    assert len(set(REASONS)) == len(REASONS)


def test_what_an_archive_says_of_its_model(tmp_path: Path) -> None:
    assert measures.about(tmp_path) == {}
    told = {"architecture": "resnet18", "precision": "int8", "runtime": "onnx"}
    (tmp_path / "provenance.json").write_text(json.dumps({**told, "classes": 43}))
    assert measures.about(tmp_path) == told
