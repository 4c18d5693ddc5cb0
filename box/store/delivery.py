"""A delivery in incoming/ becomes a release: checked by signature and hash, then put in place whole.

Every step may be cut off and repeated. A part moves from incoming/ to blobs/ only after its hash was right; a release's
folder and its runtime appear by one rename.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from box.state.events import say
from box.state.paths import Paths
from box.store import integrity, releases, runtime, signature
from box.system import disk, platforms, space
from common import durable, manifest_reading
from common.errors import KitError
from common.manifest import Manifest, Part, is_name


def missing(paths: Paths, wanted: Manifest) -> dict[str, Any]:
    """What the workstation still has to send. Wheels of a runtime that stands are not missing. `needed_bytes` has in it
    what is to stay free; `why_not` says why this box cannot take a delivery at all, "" when it can."""
    have_release = (paths.release(wanted.release) / releases.MANIFEST).is_file()
    have_runtime = integrity.runtime_stands(paths, wanted)
    parts = wanted.unpacked if have_runtime else wanted.parts
    absent = {part.sha256: part.size for part in parts if not _is_here(paths, part)}
    copied = 0 if have_release else sum(part.size for part in wanted.unpacked if _is_shared(paths.blobs / part.sha256))
    needed = sum(absent.values()) + copied + (0 if have_runtime else runtime.estimate(wanted)) + space.RESERVE
    free = space.free_bytes(paths.home)
    return {
        "missing": [{"sha256": digest, "size": size} for digest, size in sorted(absent.items())],
        "have_release": have_release,
        "have_runtime": have_runtime,
        "bytes": sum(absent.values()),
        "needed_bytes": needed,
        "disk_free_bytes": free,
        "enough": free >= needed,
        "why_not": why_not(paths),
    }


def why_not(paths: Paths) -> str:
    """Why nothing that is brought to this box would stay, "" when it would."""
    try:
        return disk.unwritable(paths.home) or (disk.passing(paths.home) if paths.is_system else "")
    except OSError as error:
        told = space.trouble(error, paths.home, "a delivery")
        return told.message if told else str(error)


def _is_here(paths: Paths, part: Part) -> bool:
    places = (paths.blobs / part.sha256, paths.incoming_blobs / part.sha256)
    return any(place.is_file() and place.stat().st_size == part.size for place in places)


def _is_shared(blob: Path) -> bool:
    return blob.exists() and blob.stat().st_nlink > 1


def receive(paths: Paths, release: str) -> dict[str, Any]:
    """Raises KitError naming what is wrong; what runs is not touched in any case."""
    with space.explained(paths.home, "the unpacking"):
        if why := why_not(paths):
            raise KitError(f"this box can take no release: {why}", "boot it from a disk that keeps what is written")
        space.require(paths.home, 0, "a release")
        wanted, signer = verified(paths, release)
        platforms.require_fit(wanted)
        for folder in (paths.blobs, paths.releases, paths.runtimes):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        need_runtime = not integrity.runtime_stands(paths, wanted)
        _take_in(paths, wanted.parts if need_runtime else wanted.unpacked)
        if need_runtime:
            say(f"installing the runtime {wanted.runtime_id} ({len(wanted.wheels)} wheels)")
            runtime.build(paths, wanted)
        for part in wanted.wheels:
            (paths.blobs / part.sha256).unlink(missing_ok=True)
            (paths.incoming_blobs / part.sha256).unlink(missing_ok=True)
        _place(paths, wanted)
        for other in releases.here(paths):
            if other != release and (known := releases.loaded(paths, other)):
                _mend(paths, known)
        for file in _delivered(paths, release):
            file.unlink(missing_ok=True)
    return {"ok": True, "release": release, "signed_by": signer, "runtime": "built" if need_runtime else "shared"}


def _delivered(paths: Paths, release: str) -> tuple[Path, Path]:
    return paths.incoming / f"{release}.json", paths.incoming / f"{release}.json.sig"


def verified(paths: Paths, release: str) -> tuple[Manifest, str]:
    """The manifest as it was delivered, or else as it lies in the release's folder, and who signed it."""
    if not is_name(release):
        raise KitError(f"{release!r} is not the name of a release")
    if not _delivered(paths, release)[0].is_file():
        return in_place(paths, release)
    try:
        return _verified(paths, release, *_delivered(paths, release))
    except signature.Misfit as misfit:
        # Damaged on the way or on this disk, most likely; and a file of the same size and time would not be sent again.
        for file in _delivered(paths, release):
            file.unlink(missing_ok=True)
        raise KitError(misfit.message, misfit.hint, damaged=[releases.MANIFEST]) from None


def in_place(paths: Paths, release: str) -> tuple[Manifest, str]:
    """The manifest as it lies in the release's folder, and who signed it."""
    folder = paths.release(release)
    return _verified(paths, release, folder / releases.MANIFEST, folder / releases.SIGNATURE)


def _verified(paths: Paths, release: str, content: Path, sealed: Path) -> tuple[Manifest, str]:
    if not content.is_file() or not sealed.is_file():
        raise KitError(f"{release} was not delivered: its manifest or signature is not here", "send it first")
    signer = signature.verify(content, sealed, paths.allowed_signers)
    wanted = manifest_reading.parse(content.read_bytes())
    if wanted.release != release:
        raise KitError(f"what was delivered as {release} is {wanted.release}", "send it again")
    return wanted, signer


def _take_in(paths: Paths, parts: Sequence[Part]) -> None:
    """Move the parts from incoming/ to blobs/. Raises KitError naming those that are damaged or absent."""
    damaged: list[Part] = []
    absent: list[Part] = []
    for part in parts:
        blob, arrived = paths.blobs / part.sha256, paths.incoming_blobs / part.sha256
        if integrity.is_right(blob, part):
            continue
        if not arrived.is_file():
            if blob.exists():  # it was right once: the disk has changed it
                blob.unlink()
                damaged.append(part)
            else:
                absent.append(part)
        elif integrity.is_right(arrived, part):
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
        raise KitError(
            f"damaged on the way or on this disk: {names}; deleted",
            "deploy again: only what is missing is sent",
            damaged=[part.sha256 for part in damaged],
        )
    if absent:
        raise KitError(
            f"{len(absent)} parts have not arrived: {', '.join(part.path for part in absent[:5])}"
            + (", …" if len(absent) > 5 else ""),
            "deploy again: only what is missing is sent",
            absent=[part.sha256 for part in absent],
        )


def _place(paths: Paths, wanted: Manifest) -> None:
    """Make the release's folder, or repair the one that is there."""
    folder = paths.release(wanted.release)
    delivered = zip((releases.MANIFEST, releases.SIGNATURE), _delivered(paths, wanted.release), strict=True)
    named = {name: file.read_bytes() for name, file in delivered if file.is_file()}
    if folder.is_dir():
        _mend(paths, wanted)
        for name, content in named.items():
            durable.write_changed(folder / name, content)
        return
    making = folder.with_name(f".{folder.name}.making")
    durable.remove_tree(making)
    making.mkdir(mode=0o755)
    for part in wanted.unpacked:
        _lay(paths.blobs / part.sha256, making / part.path)
    for name, content in named.items():
        durable.write(making / name, content)
    for inner in sorted({(making / part.path).parent for part in wanted.unpacked}):
        durable.sync_folder(inner)
    durable.move(making, folder)


def _mend(paths: Paths, release: Manifest) -> None:
    """Put right blobs in the places of damaged files, as far as there are any; the folder never lacks one."""
    folder = paths.release(release.release)
    for part in integrity.damaged_parts(paths, release):
        if integrity.is_right(paths.blobs / part.sha256, part):
            beside = (folder / part.path).with_name(f".{Path(part.path).name}.new")
            beside.unlink(missing_ok=True)
            _lay(paths.blobs / part.sha256, beside)
            durable.move(beside, folder / part.path)


def _lay(blob: Path, place: Path) -> None:
    """Each release has files of its own: what damages one that another release shared would take both."""
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if _is_shared(blob):
        durable.copy(blob, place)
    else:
        os.link(blob, place)
