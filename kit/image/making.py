"""A signed bundle becomes an image: verified, built, written as an OCI layout, signed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kit.bundle import reading, signing
from kit.bundle.reading import Bundle
from kit.console import step
from kit.files import alone_in
from kit.image import buildah, context, layout, model_image

REPOSITORY = "localhost/vision-serve"
SBOM, SIGNATURE = "application/vnd.cyclonedx+json", "application/vnd.openssh.signature"
NAMESPACE = "vision-serve-image"
# The layers of the Containerfile's last stage, on top of the base's.
OWN_LAYERS = ("ssh-keygen", "user", "runtime", "kit", "settings", "state", "run", "model")


def image(bundle: Path, folder: Path, base: str, key: Path, signers: Path | None) -> dict[str, Any]:
    """Leaves `folder`/<release> and `folder`/<release>-model, two OCI layouts, the second with nothing but the model,
    and `folder`/context, what the first was built from. `base` "" is the
    Containerfile's; `key` signs the image, and is whom it trusts where no `signers` are named. Raises KitError or
    UsageError, and what an earlier call left is as it was."""
    trusted = signing.read_signers(signers) if signers else f"operator {signing.public_key(key)}\n"
    step(f"verifying {bundle.name}")
    opened = reading.read(bundle)
    with alone_in(folder):
        return _made(opened, folder, base, key, trusted)


def _made(opened: Bundle, folder: Path, base: str, key: Path, trusted: str) -> dict[str, Any]:
    context.lay_out(opened, trusted, folder / "context")
    release = opened.manifest.release
    tag = f"{REPOSITORY}:{release}"
    step("building the image")
    command = buildah.build_command(folder / "context", tag, context.labels(opened), base)
    buildah.run(command, "the build", "BASE=<an image with the bundle's Python, and glibc>")
    unfinished, model = folder / f".{release}", folder / f".{release}-model"
    for left in (unfinished, model):
        shutil.rmtree(left, ignore_errors=True)
    step("writing it as an OCI layout")
    buildah.run(["buildah", "push", "--quiet", tag, f"oci:{unfinished}:{release}"], "writing the layout")
    digest, alone = str(layout.image(unfinished)["digest"]), str(model_image.write(opened, model)["digest"])
    sizes = layout.layer_sizes(unfinished)
    names = ["base"] * (len(sizes) - len(OWN_LAYERS)) + list(OWN_LAYERS)
    layout.attach(unfinished, SBOM, "sbom.cdx.json", _part(opened, "sbom"))
    signature = signing.sign(digest.encode(), key, NAMESPACE)
    layout.attach(unfinished, SIGNATURE, "image.sig", signature)
    layout.attach(model, SIGNATURE, "image.sig", signing.sign(alone.encode(), key, NAMESPACE))
    made, alone_made = folder / release, folder / f"{release}-model"
    for done, place in ((unfinished, made), (model, alone_made)):
        shutil.rmtree(place, ignore_errors=True)
        done.rename(place)
    return {
        "layout": str(made),
        "release": release,
        "tag": tag,
        "digest": digest,
        "size": sum(sizes),
        "layers": [{"name": name, "size": size} for name, size in zip(names, sizes, strict=True)],
        "signed_by": signing.check(digest.encode(), signature, namespace=NAMESPACE),
        "model": {"layout": str(alone_made), "digest": alone, "size": sum(layout.layer_sizes(alone_made))},
        "base": base or "the Containerfile's",
    }


def _part(bundle: Bundle, role: str) -> bytes:
    part = bundle.manifest.of_role(role)[0]
    with bundle.file.open("rb") as stream:
        stream.seek(bundle.offsets[part.sha256])
        return stream.read(part.size)
