"""A delivery in incoming/ becomes a release: checked by signature and hash, then put in place whole.

Every step may be cut off and repeated. A part moves from incoming/ to blobs/ only after its hash was right; a release's
folder and its runtime appear by one rename.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from box import durable, manifest, platforms, runtime, signature, space
from box.errors import BoxError
from box.events import say
from box.manifest import Manifest, Part
from box.paths import Paths


def missing(paths: Paths, wanted: Manifest) -> dict[str, Any]:
    """What the desk still has to send. Wheels of a runtime that stands are not missing. `needed_bytes` has in it what
    is to stay free."""
    have_release = (paths.release(wanted.release) / "manifest.json").is_file()
    have_runtime = runtime.stands(paths, wanted)
    parts = wanted.unpacked if have_runtime else wanted.parts
    absent = {part.sha256: part.size for part in parts if not _is_here(paths, part)}
    needed = sum(absent.values()) + (0 if have_runtime else runtime.estimate(wanted)) + space.RESERVE
    free = space.free_bytes(paths.home)
    return {
        "missing": [{"sha256": digest, "size": size} for digest, size in sorted(absent.items())],
        "have_release": have_release,
        "have_runtime": have_runtime,
        "bytes": sum(absent.values()),
        "needed_bytes": needed,
        "disk_free_bytes": free,
        "enough": free >= needed,
    }


def _is_here(paths: Paths, part: Part) -> bool:
    places = (paths.blobs / part.sha256, paths.incoming_blobs / part.sha256)
    return any(place.is_file() and place.stat().st_size == part.size for place in places)


def receive(paths: Paths, release: str) -> dict[str, Any]:
    """Raises BoxError naming what is wrong; what runs is not touched in any case."""
    with space.explained(paths.home, "the unpacking"):
        space.require(paths.home, 0, "a release")
        wanted, signer = verified(paths, release)
        platforms.require_fit(wanted)
        for folder in (paths.blobs, paths.releases, paths.runtimes):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        need_runtime = not runtime.stands(paths, wanted)
        _take_in(paths, wanted.parts if need_runtime else wanted.unpacked)
        if need_runtime:
            say(f"installing the runtime {wanted.runtime_id} ({len(wanted.wheels)} wheels)")
            runtime.build(paths, wanted)
        for part in wanted.wheels:
            (paths.blobs / part.sha256).unlink(missing_ok=True)
            (paths.incoming_blobs / part.sha256).unlink(missing_ok=True)
        _place(paths, wanted)
        for file in _delivered(paths, release):
            file.unlink(missing_ok=True)
    return {"ok": True, "release": release, "signed_by": signer, "runtime": "built" if need_runtime else "shared"}


def _delivered(paths: Paths, release: str) -> tuple[Path, Path]:
    return paths.incoming / f"{release}.json", paths.incoming / f"{release}.json.sig"


def verified(paths: Paths, release: str) -> tuple[Manifest, str]:
    """The manifest, as delivered or as it lies in the release's folder, and who signed it."""
    if not manifest.NAME.fullmatch(release):
        raise BoxError(f"{release!r} is not the name of a release")
    content, sealed = _delivered(paths, release)
    if not content.is_file():
        content, sealed = (paths.release(release) / name for name in ("manifest.json", "manifest.json.sig"))
    if not content.is_file() or not sealed.is_file():
        raise BoxError(f"{release} was not delivered: its manifest or signature is not here", "send it first")
    signer = signature.verify(content, sealed, paths.allowed_signers)
    wanted = manifest.parse(content.read_bytes())
    if wanted.release != release:
        raise BoxError(f"what was delivered as {release} is {wanted.release}", "send it again")
    return wanted, signer


def _take_in(paths: Paths, parts: Sequence[Part]) -> None:
    """Move the parts from incoming/ to blobs/. Raises BoxError naming those that are damaged or absent."""
    damaged: list[Part] = []
    absent: list[Part] = []
    for part in parts:
        blob, arrived = paths.blobs / part.sha256, paths.incoming_blobs / part.sha256
        if _is_right(blob, part):
            continue
        if not arrived.is_file():
            if blob.exists():  # it was right once: the disk has changed it
                blob.unlink()
                damaged.append(part)
            else:
                absent.append(part)
        elif _is_right(arrived, part):
            arrived.chmod(0o644)
            if os.geteuid() == 0:
                os.chown(arrived, 0, 0)
            durable.sync_file(arrived)
            durable.move(arrived, blob)
        else:
            arrived.unlink()
            damaged.append(part)
    if damaged:
        names = ", ".join(f"{part.path} (sha256 {part.sha256[:12]}…)" for part in damaged)
        raise BoxError(
            f"damaged on the way or on this disk: {names}; deleted",
            "deploy again: only what is missing is sent",
            damaged=[part.sha256 for part in damaged],
        )
    if absent:
        raise BoxError(
            f"{len(absent)} parts have not arrived: {', '.join(part.path for part in absent[:5])}"
            + (", …" if len(absent) > 5 else ""),
            "deploy again: only what is missing is sent",
            absent=[part.sha256 for part in absent],
        )


def _is_right(file: Path, part: Part) -> bool:
    return file.is_file() and file.stat().st_size == part.size and durable.sha256(file) == part.sha256


def _place(paths: Paths, wanted: Manifest) -> None:
    """Make the release's folder, or mend the one that is there."""
    folder = paths.release(wanted.release)
    if folder.is_dir():
        for part in damaged_parts(paths, wanted):
            _mend(paths.blobs / part.sha256, folder / part.path)
        return
    making = folder.with_name(f".{folder.name}.making")
    durable.remove_tree(making)
    making.mkdir(mode=0o755)
    for part in wanted.unpacked:
        place = making / part.path
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        os.link(paths.blobs / part.sha256, place)
    for source, name in zip(_delivered(paths, wanted.release), ("manifest.json", "manifest.json.sig"), strict=True):
        durable.write(making / name, source.read_bytes())
    for inner in sorted({(making / part.path).parent for part in wanted.unpacked}):
        durable.sync_folder(inner)
    durable.move(making, folder)


def damaged_parts(paths: Paths, wanted: Manifest) -> list[Part]:
    """The parts of a release's folder that are not what was signed."""
    folder = paths.release(wanted.release)
    return [part for part in wanted.unpacked if not _is_right(folder / part.path, part)]


def _mend(blob: Path, place: Path) -> None:
    """Put a right blob in the place of a damaged file; the folder never lacks it."""
    beside = place.with_name(f".{place.name}.new")
    beside.unlink(missing_ok=True)
    os.link(blob, beside)
    durable.move(beside, place)
