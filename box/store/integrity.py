"""Is a release whole: all there, and as it was signed and installed? Asked before each start, and by doctor."""

from __future__ import annotations

import json
import time
from pathlib import Path

from box.state.paths import Paths
from box.store import confirmations, releases, runtime_files
from box.store.runtime_files import Check
from common import durable
from common.errors import KitError
from common.manifest import GoldenEntry, Manifest, Part

# The others (SBOM, licences, the program's copy, golden pictures but for one) do not keep a server from answering.
NEEDED_ROLES = ("archive", "config")
MOST_TOLD = 5
# Sizes tell a file that was cut short; a changed bit takes the reading of it all, some 20 s a gigabyte on an SD card.
READ_SECONDS = 60.0


def is_right(file: Path, part: Part) -> bool:
    try:
        return file.is_file() and file.stat().st_size == part.size and durable.sha256(file) == part.sha256
    except OSError:  # a disk that fails
        return False


def damaged_parts(paths: Paths, wanted: Manifest) -> list[Part]:
    """The parts of a release's folder that are not what was signed."""
    folder = paths.release(wanted.release)
    return [part for part in wanted.unpacked if not is_right(folder / part.path, part)]


def whole_golden(paths: Paths, manifest: Manifest) -> list[GoldenEntry]:
    """The golden pictures that can be asked about: another picture would get another answer."""
    parts = {part.path: part for part in manifest.parts}
    folder = paths.release(manifest.release)
    return [one for one in manifest.golden if is_right(folder / one.file, parts[one.file])]


def first_golden(paths: Paths, manifest: Manifest) -> GoldenEntry:
    """Of a release without a whole one, the first: what it is answered is wrong then, and says so."""
    return next(iter(whole_golden(paths, manifest)), manifest.golden[0])


def runtime_check(paths: Paths, manifest: Manifest) -> Check:
    """By sizes, and by what reading it all has found."""
    known = durable.read_object(paths.damage).get(manifest.runtime_id)
    if isinstance(known, list) and known:
        return Check(tuple(str(sentence) for sentence in known))
    return runtime_files.check(paths.runtime(manifest.runtime_id), manifest.python)


def read_runtime(paths: Paths, manifest: Manifest, until: float) -> Check:
    """Every file of it, for as long as the monotonic clock is below `until`; what is found is remembered."""
    found = runtime_files.check(paths.runtime(manifest.runtime_id), manifest.python, until)
    note_damage(paths, manifest.runtime_id, list(found.damaged))
    return found


def runtime_stands(paths: Paths, manifest: Manifest) -> bool:
    """So that nothing of it has to be sent: one whose index is lost is made again, though it may serve meanwhile."""
    found = runtime_check(paths, manifest)
    return not found.damaged and not found.untold


def read_runtimes(paths: Paths) -> None:
    """Of every release that may have to run, the confirmed one's first, in READ_SECONDS altogether."""
    until = time.monotonic() + READ_SECONDS
    names = [*filter(None, [releases.confirmed(paths)]), *releases.here(paths)]
    manifests = [manifest for name in names if (manifest := releases.loaded(paths, name))]
    for manifest in {manifest.runtime_id: manifest for manifest in reversed(manifests)}.values():
        read_runtime(paths, manifest, until)


def note_damage(paths: Paths, runtime_id: str, damaged: list[str]) -> None:
    """[] when it is whole (again)."""
    before = durable.read_object(paths.damage)
    after = {name: known for name, known in before.items() if name != runtime_id}
    after |= {runtime_id: damaged} if damaged else {}
    if after != before:
        paths.damage.parent.mkdir(exist_ok=True)  # a folder that stands for a machine may have no /run yet
        durable.write(paths.damage, json.dumps(after).encode())


def damage(paths: Paths, release: str) -> list[str]:
    """What keeps it from starting, as sentences; [] when nothing is known to."""
    try:
        manifest = releases.load(paths, release)
    except KitError as error:
        return [error.message]
    found = [
        f"{part.path} of {release} is not what was signed"
        for part in damaged_parts(paths, manifest)
        if part.role in NEEDED_ROLES
    ]
    if not all(whole_golden(paths, model) for model in manifest.models):
        found.append(f"{release} has no golden picture left that could prove it")
    wrong = runtime_check(paths, manifest).damaged
    return found + [f"the runtime of {release}: {sentence}" for sentence in wrong[:MOST_TOLD]]


def is_whole(paths: Paths, release: str | None) -> bool:
    return bool(release) and not damage(paths, str(release))


def restore_marks(paths: Paths, confirmed: str) -> None:
    """Every release that was confirmed here, and is whole, has its mark; `confirmed` has the latest. Raises OSError."""
    latest_first = confirmations.latest_first(paths)
    names = [*(name for name in reversed(latest_first) if name != confirmed), confirmed]
    marked = [name for name in names if confirmations.noted(paths, name)]
    found = [name for name in names if name not in marked and is_whole(paths, name)]
    if found or latest_first[:1] != [confirmed]:
        for name in names:
            if name in marked or name in found:
                confirmations.note(paths, name)


def last_good(paths: Paths) -> str | None:
    """The release that this box confirmed last of all that are whole: the confirmed one, or the nearest before it."""
    confirmed = releases.confirmed(paths)
    candidates = dict.fromkeys([*([confirmed] if confirmed else []), *confirmations.latest_first(paths)])
    return next((name for name in candidates if is_whole(paths, name)), None)


def previous(paths: Paths) -> str | None:
    """The release that was confirmed before the present one, and can be gone back to."""
    now = releases.confirmed(paths)
    return next((name for name in confirmations.latest_first(paths) if name != now and is_whole(paths, name)), None)
