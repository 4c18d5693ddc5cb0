"""Which releases stay on this box, and the removal of what no kept one needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from box.state.paths import Paths
from box.store import confirmations, integrity, releases
from common import durable


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
    there = releases.here(paths)
    in_use = [releases.current(paths), releases.confirmed(paths)]
    back_to = [name for name in confirmations.latest_first(paths) if integrity.is_whole(paths, name)]
    kept = to_keep(there, in_use, back_to, keep)
    gone = [name for name in there if name not in kept]
    for name in gone:
        durable.remove_tree(paths.release(name))
    manifests = [manifest for name in kept if (manifest := releases.loaded(paths, name))]
    if len(manifests) == len(kept):  # what a release needs whose manifest is damaged, nobody knows
        _prune_shared(paths, kept, {manifest.runtime_id for manifest in manifests})
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


def _prune_shared(paths: Paths, kept: Sequence[str], runtimes: set[str]) -> None:
    for folder in _entries(paths.runtimes):
        if folder.name not in runtimes:
            durable.remove_tree(folder)
    for folder in _entries(paths.releases):
        if folder.name not in kept:
            durable.remove_tree(folder)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
