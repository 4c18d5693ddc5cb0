"""Which bundles go out, verified and laid out for rsync."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from common.errors import UsageError
from kit.bundle import reading
from kit.files import write_bytes
from kit.fleet.host.staged_release import StagedRelease

# Layouts kept under build/unpacked-bundles, so that a box is resumed or taken back without unpacking again.
KEPT = 4


def choose(named: Sequence[Path], folder: Path) -> list[Path]:
    """The bundles named, or the newest of each platform and Python in `folder`. Raises UsageError when there is none,
    or when they hold different models: boxes of one fleet answer alike."""
    missing = [path for path in named if not path.is_file()]
    if missing:
        raise UsageError(f"there is no bundle {missing[0]}", "BUNDLE=build/edge/bundle/….bundle, or make bundle")
    manifests = {path: reading.manifest_of(path) for path in named or reading.newest(folder)}
    if not manifests:
        raise UsageError(f"{folder} holds no bundle", "make bundle PROFILE=edge PLATFORM=linux_aarch64 BOX_PYTHON=3.11")
    chosen: dict[tuple[str, str], Path] = {}
    for path, manifest in manifests.items():
        target = (manifest.platform, manifest.python)
        if named and target in chosen:
            raise UsageError(f"{path} and {chosen[target]} are both for {' '.join(target)}", "name one of them")
        chosen.setdefault(target, path)
    models = {path: manifests[path].words for path in chosen.values()}
    if len(set(models.values())) > 1:
        held = "; ".join(f"{path.name}: {model}" for path, model in models.items())
        raise UsageError(
            f"the bundles hold different models: {held}", "make them again, or name those you mean in BUNDLE"
        )
    return list(chosen.values())


def lay_out(bundle: Path, stagings: Path, signers: Path | None) -> StagedRelease:
    """Verify a bundle and unpack it as a box's incoming folder is to look; parts that lie there already are left.

    Raises KitError for one that is damaged, not signed, or not signed by `signers`.
    """
    opened = reading.read(bundle, signers)
    manifest = opened.manifest
    folder = stagings / f"{manifest.release}-{manifest.platform}-py{manifest.python}"
    opened.extract(folder / "blobs", manifest.blobs())
    write_bytes(folder / f"{manifest.release}.json", manifest.content)
    write_bytes(folder / f"{manifest.release}.json.sig", opened.signature)
    folder.touch()
    for old in sorted(stagings.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(old)
    return StagedRelease(
        release=manifest.release,
        model=manifest.words,
        platform=manifest.platform,
        python=manifest.python,
        manifest=manifest.content,
        program=opened.program,
        folder=folder,
        bundle=bundle,
    )
