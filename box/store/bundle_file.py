"""A bundle brought by hand, on a stick: its parts go to incoming/, as rsync would have laid them."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import IO

from box.state.paths import Paths
from box.store import delivery
from box.system import space
from common import durable, manifest
from common.errors import KitError
from common.manifest import Manifest


def bring_in(paths: Paths, bundle: Path) -> Manifest:
    """Lay what is missing into incoming/. The signature is checked before a part is unpacked."""
    try:
        with tarfile.open(bundle, "r:") as tar, space.explained(paths.home, "the copying"):
            return _bring_in(paths, tar)
    except (tarfile.TarError, EOFError) as error:
        raise KitError(f"{bundle} is not a whole bundle: {error}", "fetch it again") from None


def _bring_in(paths: Paths, tar: tarfile.TarFile) -> Manifest:
    sought, sealed = (content(tar, name) for name in ("manifest.json", "manifest.json.sig"))
    try:
        release = str(json.loads(sought)["release"])
    except (ValueError, KeyError, TypeError):
        raise KitError("the bundle's manifest cannot be read", "fetch it again") from None
    if not manifest.is_name(release):
        raise KitError(f"{release!r} is not the name of a release", "fetch the bundle again")
    durable.write(paths.incoming / f"{release}.json", sought)
    durable.write(paths.incoming / f"{release}.json.sig", sealed)
    wanted, _ = delivery.verified(paths, release)
    absent = delivery.missing(paths, wanted)
    space.require(paths.home, absent["bytes"], "copying the bundle")
    for part in absent["missing"]:
        durable.write(paths.incoming_blobs / part["sha256"], content(tar, f"blobs/{part['sha256']}"))
    return wanted


def content(tar: tarfile.TarFile, name: str) -> bytes:
    with opened(tar, name) as file:
        return file.read()


def opened(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """Raises KitError when the bundle has no such member."""
    try:
        file = tar.extractfile(name)
    except KeyError:
        file = None
    if file is None:
        raise KitError(f"the bundle has no {name}", "fetch it again")
    return file
