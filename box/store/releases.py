"""The releases on this box: which are here, which one runs, and where the links lead."""

from __future__ import annotations

from pathlib import Path

from box.state.paths import Paths
from box.store import runtime_files
from box.system import platforms
from common import durable
from common.errors import KitError
from common.manifest import Manifest, is_name
from common.manifest_reading import parse

MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"


def here(paths: Paths) -> list[str]:
    """Every complete release, by name."""
    if not paths.releases.is_dir():
        return []
    return sorted(folder.name for folder in paths.releases.iterdir() if is_name(folder.name) and folder.is_dir())


def pointed(link: Path) -> str | None:
    """The release that `current` or `confirmed` leads to, whether or not it is there; None for what is not such a
    link."""
    try:
        name = link.readlink().name
    except OSError:
        return None
    return name if is_name(name) else None


def current(paths: Paths) -> str | None:
    return pointed(paths.current)


def confirmed(paths: Paths) -> str | None:
    return pointed(paths.confirmed)


def to_run(paths: Paths) -> str | None:
    """What the server is to run: `current`, or what recover chose where a disk does not let it move that link."""
    return pointed(paths.instead) or current(paths)


def load(paths: Paths, release: str) -> Manifest:
    """Its manifest. Raises KitError when the release is not here, or its manifest is damaged."""
    try:
        content = (paths.release(release) / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise KitError(f"{release} is not on this box", f"send it, then: box.pyz receive {release}") from None
    except OSError as error:
        raise KitError(f"the manifest of {release} cannot be read: {error.strerror}", "deploy it again") from None
    try:
        found = parse(content)
    except KitError as error:
        raise KitError(f"{release}: {error.message}", "it is damaged: deploy it again") from None
    if found.release != release:
        raise KitError(f"the manifest of {release} is that of {found.release}", "it is damaged: deploy it again")
    return found.on(platforms.OWN)


def loaded(paths: Paths, release: str | None) -> Manifest | None:
    """Its manifest, None when there is none to be read."""
    try:
        return load(paths, release) if release else None
    except KitError:
        return None


def files_of(paths: Paths, manifest: Manifest) -> list[int]:
    """Which files a server started now would run on: other numbers mean that some were replaced since it was."""
    index = paths.runtime(manifest.runtime_id) / runtime_files.INDEX
    parts = [paths.release(manifest.release) / part.path for part in manifest.of_role("archive", "config")]
    installed = [index.stat().st_mtime_ns if index.exists() else 0]
    return installed + [part.stat().st_ino if part.exists() else 0 for part in parts]


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
