"""The model as an image of its own, mounted beside the image that serves it: as Kubernetes and KServe do it."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kit.bundle import reading
from kit.image import layout, model_image
from tests.boxes.releases import Release, Workshop
from tests.image import engine
from tests.image.conftest import Made
from tests.image.engine import Container

pytestmark = pytest.mark.timeout(900)  # whichever comes first makes the image


@pytest.fixture(scope="module")
def second(workshop: Workshop) -> Release:
    """The next release of the model, with the same runtime."""
    return workshop.good("2.0")


def unpacked(image: Path, folder: Path) -> Path:
    """What a node mounts of an image of one layer."""
    manifest = json.loads(layout.blob(image, layout.image(image)["digest"]).read_text())
    (layer,) = manifest["layers"]
    with tarfile.open(layout.blob(image, layer["digest"])) as tar:
        tar.extractall(folder, filter="data")
    return folder


@contextmanager
def running(root: Path, folder: Path, models: Path) -> Iterator[Container]:
    releases = folder / "releases"
    shutil.rmtree(releases, ignore_errors=True)
    releases.mkdir()
    shutil.chown(releases, int(engine.USER), int(engine.USER))
    mounts = ["--tmpfs", "/mnt", "--ro-bind", str(models), "/mnt/models"]
    mounts += ["--bind", str(releases), "/opt/vision-serve/releases"]
    words = ("python3", "-I", engine.PROGRAM, "run", "--models", "/mnt/models")
    container = Container(root, folder / "state", *words, mounts=mounts)
    yield container
    container.kill()


def test_make_image_leaves_it_and_it_is_small_and_the_same_each_time(
    made: Made, release: Release, folder: Path
) -> None:
    told: dict[str, Any] = made.document["model"]
    again = model_image.write(reading.read(release.file), folder / "again")
    assert again["digest"] == told["digest"]
    assert release.archive_bytes < told["size"] < release.archive_bytes + 1_500_000
    there = unpacked(Path(told["layout"]), folder / "unpacked")
    assert [str(path.relative_to(there)) for path in there.rglob("*.*")] == [f"models/{release.name}.bundle"]


def test_the_image_of_one_release_serves_the_model_of_another(root: Path, second: Release, folder: Path) -> None:
    image = folder / "second"
    model_image.write(reading.read(second.file), image)
    with running(root, folder, unpacked(image, folder / "volume")) as container:
        container.wait_until_ready()
        healthy = container.inside("python3", "-I", engine.PROGRAM, "healthy")
    assert healthy.returncode == 0, healthy.stderr
    assert f"{second.name} answers" in container.said()


def test_a_model_that_nobody_signed_starts_nothing(root: Path, second: Release, folder: Path) -> None:
    image, models = folder / "unsigned", folder / "unsigned-volume"
    model_image.write(reading.read(second.file), image)
    (bundle,) = unpacked(image, models).rglob("*.bundle")
    bundle.write_bytes(bundle.read_bytes().replace(b'"version": "2.0"', b'"version": "2.1"'))
    with running(root, folder, models) as container:
        assert container.ended() == 1
        assert "does not fit the manifest" in container.said()
