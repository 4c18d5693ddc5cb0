"""The releases on this box: which are here, which one runs, which one was confirmed, and which may go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from box import durable, history
from box.errors import BoxError
from box.manifest import Manifest, parse
from box.paths import Paths


def here(paths: Paths) -> list[str]:
    """Every complete release, by name."""
    if not paths.releases.is_dir():
        return []
    return sorted(folder.name for folder in paths.releases.iterdir() if not folder.name.startswith("."))


def pointed(link: Path) -> str | None:
    """The release that `current` or `confirmed` leads to, whether or not it is there."""
    try:
        return link.readlink().name
    except (FileNotFoundError, OSError):
        return None


def current(paths: Paths) -> str | None:
    return pointed(paths.current)


def confirmed(paths: Paths) -> str | None:
    return pointed(paths.confirmed)


def load(paths: Paths, release: str) -> Manifest:
    """Its manifest. Raises BoxError when the release is not here."""
    try:
        return parse((paths.release(release) / "manifest.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise BoxError(f"{release} is not on this box", f"send it, then: box.pyz receive {release}") from None


def is_whole(paths: Paths, release: str | None) -> bool:
    """Is everything there that a start of this release needs?"""
    if not release:
        return False
    try:
        manifest = load(paths, release)
    except BoxError:
        return False
    folder = paths.release(release)
    return (paths.runtime(manifest.runtime_id) / "bin/python").exists() and all(
        (folder / part.path).is_file() for part in manifest.unpacked
    )


def switch(paths: Paths, link: Path, release: str) -> None:
    durable.point(link, f"releases/{release}")


def prepare_way_back(paths: Paths, release: str) -> None:
    paths.way_back.unlink(missing_ok=True)
    paths.way_back.symlink_to(f"releases/{release}")
    durable.sync_folder(paths.home)


def go_back(paths: Paths, release: str | None) -> None:
    """Make `current` lead to `release` again, also on a disk with no block left; None: to nothing."""
    if release is None:
        paths.current.unlink(missing_ok=True)
        durable.sync_folder(paths.home)
    elif current(paths) != release:
        if pointed(paths.way_back) == release:
            durable.move(paths.way_back, paths.current)
        else:
            switch(paths, paths.current, release)
    paths.way_back.unlink(missing_ok=True)


def previous(paths: Paths) -> str | None:
    """The release that was confirmed before the present one, and is still here."""
    there, now = here(paths), confirmed(paths)
    return next((name for name in history.confirmed_releases(paths.history) if name != now and name in there), None)


def to_keep(there: Sequence[str], now: Sequence[str | None], confirmed_before: Sequence[str], keep: int) -> list[str]:
    """Which releases stay: those in use, then those confirmed most lately, `keep` in all.

    A release that never was confirmed is not one to go back to, so it does not count.
    """
    wanted = [name for name in (*now, *confirmed_before) if name in there]
    in_use = {name for name in now if name}
    kept: list[str] = []
    for name in dict.fromkeys(str(name) for name in wanted):
        if name in in_use or len(kept) < keep:
            kept.append(name)
    return kept


def prune(paths: Paths, keep: int) -> list[str]:
    """Remove what no kept release needs: releases, runtimes, blobs, leftovers of deliveries. Returns what went."""
    there = here(paths)
    kept = to_keep(there, [current(paths), confirmed(paths)], history.confirmed_releases(paths.history), keep)
    gone = [name for name in there if name not in kept]
    for name in gone:
        durable.remove_tree(paths.release(name))
    manifests = [load(paths, name) for name in kept]
    runtimes = {manifest.runtime_id for manifest in manifests}
    for folder in _entries(paths.runtimes):
        if folder.name not in runtimes:
            durable.remove_tree(folder)
    for folder in _entries(paths.releases):
        if folder.name not in kept:
            durable.remove_tree(folder)
    needed = {part.sha256 for manifest in manifests for part in manifest.unpacked}
    for blob in _entries(paths.blobs):
        if blob.name not in needed:
            blob.unlink()
    for entry in [*_entries(paths.incoming_blobs), *_entries(paths.incoming)]:
        if entry.is_dir() and entry != paths.incoming_blobs:
            durable.remove_tree(entry)
        elif entry != paths.incoming_blobs:
            entry.unlink()
    return gone


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
