"""What is damaged of all the files that this box keeps, as far as looking at each of them tells."""

from __future__ import annotations

import zipfile

from box.program import installed
from box.state import settings
from box.state.paths import Paths
from box.store import confirmations, integrity, releases, signature
from common.manifest import Manifest


def damaged(paths: Paths) -> list[str]:
    """Sentences; [] when all is as it should be."""
    found = [*_own(paths), *_links(paths, releases.confirmed(paths))]
    runtimes: dict[str, Manifest] = {}
    for release in releases.here(paths):
        if manifest := releases.loaded(paths, release):
            found += _release(paths, manifest)
            runtimes.setdefault(manifest.runtime_id, manifest)
        else:
            found += integrity.damage(paths, release)
    for manifest in runtimes.values():
        found += _runtime(paths, manifest)
    return found


def _own(paths: Paths) -> list[str]:
    found = [said for said in (settings.problem(paths), settings.copy_problem(paths)) if said]
    if not signature.keys(paths.allowed_signers):
        found.append(f"this box trusts no key: {paths.allowed_signers} holds none")
    if paths.is_system:
        if not _whole_program(paths):
            found.append(f"{paths.program} is not whole")
        found += [f"{file} is not what was installed" for file in installed.altered(paths)]
    return found


def _links(paths: Paths, confirmed: str | None) -> list[str]:
    known = confirmations.latest_first(paths)
    if confirmed is None and known:
        return [f"{paths.confirmed} leads to no release, and {known[0]} was confirmed"]
    if confirmed and releases.current(paths) is None:
        return [f"{paths.current} leads to no release"]
    return []


def _release(paths: Paths, manifest: Manifest) -> list[str]:
    release = manifest.release
    parts = [f"{part.path} of {release} is not what was signed" for part in integrity.damaged_parts(paths, manifest)]
    return [*parts, *_sealed(paths, release)]


def _sealed(paths: Paths, release: str) -> list[str]:
    """Its signature and its mark: an activation needs one of the two."""
    found = []
    if not signature.is_one(paths.release(release) / releases.SIGNATURE):
        found.append(f"{releases.SIGNATURE} of {release} is not a signature")
    if release in confirmations.latest_first(paths) and not confirmations.noted(paths, release):
        found.append(f"{confirmations.MARK} of {release} is not its mark")
    return found


def _runtime(paths: Paths, manifest: Manifest) -> list[str]:
    check = integrity.runtime_check(paths, manifest)
    found = [*check.damaged[: integrity.MOST_TOLD], *([check.untold] if check.untold else [])]
    return [f"the runtime of {manifest.release}: {sentence}" for sentence in found]


def _whole_program(paths: Paths) -> bool:
    try:
        with zipfile.ZipFile(paths.program) as packed:
            return packed.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
