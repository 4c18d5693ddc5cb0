"""The folder that an image is built from: any engine that builds Containerfiles makes the same of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from kit.build import PROJECT
from kit.bundle.reading import Bundle
from kit.files import replacing, write_bytes, write_text

CONTAINERFILE = PROJECT / "config/image/Containerfile"


def lay_out(bundle: Bundle, signers: str, folder: Path) -> None:
    """`signers`: the allowed_signers file that the image is to have. What lay there before is replaced."""
    write_bytes(folder / "box.pyz", bundle.program)
    write_text(folder / "allowed_signers", signers)
    for name, file in ((CONTAINERFILE.name, CONTAINERFILE), ("release.bundle", bundle.file)):
        with replacing(folder / name) as temporary:
            shutil.copyfile(file, temporary)


def labels(bundle: Bundle) -> dict[str, str]:
    """As opencontainers/image-spec (annotations.md) names them, and where the bill of materials lies in the image."""
    manifest = bundle.manifest
    return {
        "org.opencontainers.image.title": manifest.model.name,
        "org.opencontainers.image.version": manifest.model.version,
        "org.opencontainers.image.revision": manifest.release,
        "org.opencontainers.image.description": f"{manifest.words} behind TorchServe",
        "vision-serve.sbom": "/opt/vision-serve/current/sbom.cdx.json",
    }
