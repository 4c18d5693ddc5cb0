"""The server as it was found, how it differs now, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from common.errors import KitError
from common.server.torchserve import Management
from common.words import count


@dataclass(frozen=True)
class VersionState:
    """`workers` is how many there are, READY or not."""

    min_workers: int
    max_workers: int
    workers: int


@dataclass(frozen=True)
class Snapshot:
    """A model's versions, and the folders of unpacked archives (empty when the server is elsewhere)."""

    default: str
    versions: dict[str, VersionState]
    unpacked: frozenset[str] = field(default=frozenset())

    @property
    def second_version(self) -> str:
        """What a run calls the version it registers: always the same, so that metrics get one label more and no
        others, and so that what is to be removed is known however a run ended."""
        return f"{self.default}-smoke"

    @property
    def second_archive(self) -> str:
        return f"{self.second_version}.smoke.mar"


def take(management: Management, model: str, temp: Path | None) -> Snapshot:
    """Raises ApiError when the server does not say."""
    default = management.describe(model)[0]["modelVersion"]
    versions = {
        row["modelVersion"]: VersionState(row["minWorkers"], row["maxWorkers"], len(row["workers"]))
        for row in management.describe(model, "all")
    }
    return Snapshot(default, versions, unpacked_in(temp))


def unpacked_in(temp: Path | None) -> frozenset[str]:
    folder = temp / "models" if temp else None
    return frozenset(path.name for path in folder.iterdir()) if folder and folder.is_dir() else frozenset()


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """What is not as it was, a phrase each."""
    found = []
    if before.default != after.default:
        found.append(f"the default version was {before.default} and is {after.default}")
    for version in sorted(before.versions.keys() | after.versions.keys()):
        was, now = before.versions.get(version), after.versions.get(version)
        if was is None:
            found.append(f"version {version} was not there")
        elif now is None:
            found.append(f"version {version} is gone")
        elif was != now:
            found.append(f"version {version} had {_workers(was)} and has {_workers(now)}")
    if added := after.unpacked - before.unpacked:
        found.append(f"{len(added)} more unpacked archives in the server's TEMP")
    return found


def _workers(state: VersionState) -> str:
    return f"{count(state.workers, 'worker')} (min {state.min_workers}, max {state.max_workers})"


def restore(management: Management, model: str, before: Snapshot, store: Path | None, temp: Path | None) -> None:
    """Undo whatever a run may have changed. A step that fails does not keep the others from being tried."""
    now = take(management, model, temp)
    steps: list[Callable[[], None]] = []
    if now.default != before.default:
        steps.append(partial(management.set_default, model, before.default))
    second = before.second_version
    if second in now.versions and second not in before.versions:
        steps.append(partial(management.unregister, model, second))
    for version, was in before.versions.items():
        if version in now.versions and now.versions[version] != was:
            steps.append(partial(resize, management, model, version, was))
    failures = []
    for step in steps:
        try:
            step()
        except KitError as error:
            failures.append(error)
    if second not in before.versions:
        remove_leftovers(before, store, temp)
    if failures:
        raise failures[0]


def resize(management: Management, model: str, version: str, was: VersionState) -> None:
    """Bring a version's workers and their limits back.

    TorchServe ends workers only above the maximum, so that is lowered first to as many as there were.
    """
    if was.workers != was.max_workers:
        management.scale(model, version, min(was.min_workers, was.workers), was.workers)
    management.scale(model, version, was.min_workers, was.max_workers)


def remove_leftovers(before: Snapshot, store: Path | None, temp: Path | None) -> None:
    """Remove the second version's archive, and the empty folder TorchServe keeps in TEMP for each unregistration."""
    if store:
        (store / before.second_archive).unlink(missing_ok=True)
    if temp:
        for name in unpacked_in(temp) - before.unpacked:
            folder = temp / "models" / name
            if not any(folder.iterdir()):
                folder.rmdir()
