"""A release's model as an image of its own, for a volume: nothing but its bundle, without the wheels, which the runtime
in the image beside it makes up for. The signature is the bundle's.
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

from kit.bundle import tarball
from kit.bundle.reading import Bundle
from kit.image import layout
from kit.image.layout import Descriptor

FOLDER = "models"  # KServe mounts or fetches this folder of an image, and no other
ARCHITECTURES = {"linux_x86_64": "amd64", "linux_aarch64": "arm64"}  # as Go names them


def write(bundle: Bundle, folder: Path) -> Descriptor:
    """Into `folder`, which must not be there, an OCI layout; its image's descriptor. The same bytes each time: the
    layer is not compressed, as a model hardly gets smaller."""
    manifest = bundle.manifest
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as temporary:
        work = Path(temporary)
        hashes = sorted({part.sha256 for part in manifest.unpacked})
        bundle.extract(work, hashes)
        thin = work / f"{manifest.release}.bundle"
        blobs = [(digest, work / digest) for digest in hashes]
        tarball.write(thin, manifest.content, bundle.signature, bundle.program, blobs)
        layer = work / "layer.tar"
        with tarfile.open(layer, "w", format=tarfile.USTAR_FORMAT) as tar:
            tarball.add(tar, f"{FOLDER}/{thin.name}", thin)
        return layout.write(folder, manifest.release, ARCHITECTURES[manifest.platform], layer)
