"""An image of the embedded model, made once as a user makes it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.boxes import machine
from tests.boxes.releases import Release, Workshop
from tests.conftest import RunScript
from tests.image import engine
from tests.image.engine import Container, Storage


@dataclass(frozen=True)
class Made:
    """`document`: what `make image` said."""

    document: dict[str, Any]
    storage: Storage

    @property
    def layout(self) -> Path:
        return Path(self.document["layout"])


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A short path: a unix socket's may have 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="image-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def workshop(folder: Path, run_script: RunScript) -> Workshop:
    machine.install(engine.PACKAGES)
    return Workshop(folder, Workshop.make_key(folder / "signing"), run_script)


@pytest.fixture(scope="session")
def release(workshop: Workshop) -> Release:
    return workshop.good("1.0")


@pytest.fixture(scope="session")
def storage(folder: Path, workshop: Workshop) -> Iterator[Storage]:
    made = Storage.make(folder / "storage")
    yield made
    made.buildah("rm", "--all")


def make_image(workshop: Workshop, release: Release, storage: Storage, **variables: str) -> Any:
    environment = workshop.environment("1.0") | {"PROFILE": str(workshop.profile()), "BUNDLE": str(release.file)}
    environment |= {"BASE": engine.BASE, "KEY": str(workshop.key), "CONTAINERS_STORAGE_CONF": str(storage.settings)}
    return workshop.run_script("image", env=environment | variables, timeout=600)


@pytest.fixture(scope="session")
def made(workshop: Workshop, release: Release, storage: Storage) -> Made:
    done = make_image(workshop, release, storage, JSON="1")
    assert done.returncode == 0, done.stderr
    return Made(json.loads(done.stdout), storage)


@pytest.fixture(scope="session")
def root(made: Made) -> Iterator[Path]:
    with made.storage.mounted(made.document["tag"]) as mounted:
        yield mounted


@pytest.fixture
def container(root: Path, folder: Path) -> Iterator[Container]:
    """Started as the image says."""
    started = Container(root, folder / "state", "python3", "-I", engine.PROGRAM, "run")
    yield started
    started.kill()
