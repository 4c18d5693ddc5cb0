"""A model that comes to a container from outside: the one bundle in a folder, verified, instead of the image's own.

The folder is a volume of Kubernetes: an image of the model, or what KServe brought from its storageUri. The release is
unpacked where another volume hides what the image has, so that there is nothing to fall back to.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from box.state.paths import Paths
from box.store import bundle_file, releases, signature
from box.system import platforms
from common import durable, manifest_reading
from common.errors import KitError
from common.manifest import Manifest, Part
from common.words import count

ENDING = ".bundle"


def arrive(paths: Paths, models: Path) -> str:
    """The release that the container is to run from now on. Raises KitError for none, for several, and for one that is
    not signed, not whole, or made for another runtime than the image has."""
    found = sorted(models.rglob(f"*{ENDING}"))
    if len(found) != 1:
        raise KitError(f"{models} holds {count(len(found), 'bundle')}, and one is served", "see what is mounted there")
    making = paths.releases / ".arriving"
    durable.remove_tree(making)
    making.mkdir(parents=True)
    try:
        with tarfile.open(found[0], "r:") as tar:
            wanted = _verified(paths, tar, making)
            for part in wanted.unpacked:
                _lay(tar, part, making / part.path)
    except (tarfile.TarError, EOFError) as error:
        raise KitError(f"{found[0]} is not a whole bundle: {error}", "fetch it again") from None
    place = paths.release(wanted.release)
    durable.remove_tree(place)
    durable.move(making, place)
    paths.instead.parent.mkdir(exist_ok=True)
    durable.point(paths.instead, f"releases/{wanted.release}")
    return wanted.release


def _verified(paths: Paths, tar: tarfile.TarFile, making: Path) -> Manifest:
    for name in (releases.MANIFEST, releases.SIGNATURE):
        durable.write(making / name, bundle_file.content(tar, name))
    signature.verify(making / releases.MANIFEST, making / releases.SIGNATURE, paths.allowed_signers)
    wanted = manifest_reading.parse((making / releases.MANIFEST).read_bytes())
    platforms.require_fit(wanted)
    if not paths.runtime(wanted.runtime_id).is_dir():
        raise KitError(
            f"{wanted.release} wants {wanted.runtime_id}, a runtime that this image does not have",
            "make the image of a bundle with that runtime: make image",
        )
    return wanted


def _lay(tar: tarfile.TarFile, part: Part, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with bundle_file.opened(tar, f"blobs/{part.sha256}") as source, place.open("wb") as target:
        shutil.copyfileobj(source, target)
    if durable.sha256(place) != part.sha256:
        raise KitError(f"{part.path} of the bundle is damaged", "fetch it again")
