"""How a release would be taken into service: hot beside the old one, or by a restart; and why."""

from __future__ import annotations

from dataclasses import dataclass, replace

from common.manifest import Manifest, Model

HOT, RESTART, NONE, FIRST = "hot", "restart", "none", "first"


@dataclass(frozen=True)
class Choice:
    how: str
    why: str


@dataclass(frozen=True)
class Situation:
    """`running`: the confirmed release, None on a new box. `serving`: it runs. `room_mb`: memory still to be had."""

    running: Manifest | None
    serving: bool
    room_mb: float
    address_changes: bool = False
    files_replaced: bool = False
    """Since the server started: what was damaged has been put right under it."""
    had_release: bool = False
    """One was confirmed here, though it may be damaged now."""


def choose(target: Manifest, now: Situation) -> Choice:
    running, serving, room_mb = now.running, now.serving, now.room_mb
    if running is None:
        if now.had_release:
            return Choice(RESTART, "the confirmed release is damaged")
        return Choice(FIRST, "this box has no release yet")
    if serving and now.address_changes:
        return Choice(RESTART, "the address changes")
    if serving and now.files_replaced:
        return Choice(RESTART, "files were replaced since the server started")
    if target.release == running.release:
        if serving:
            return Choice(NONE, "it is already running")
        return Choice(RESTART, "it is the confirmed release, and is not running")
    if not serving:
        return Choice(RESTART, "the server is not running")
    if difference := more_than_the_model(target, running):
        return Choice(RESTART, difference)
    if same := same_version(target, running):
        return Choice(RESTART, f"both are version {same.version} of {same.name}, so they cannot run side by side")
    needed = target.gate.second_worker_mb
    if room_mb < needed:
        return Choice(RESTART, f"no room for a second worker: it needs {needed:,.0f} MB, {room_mb:,.0f} MB are free")
    return Choice(HOT, f"only the model changes, and {room_mb:,.0f} MB are free for a second worker")


def same_version(target: Manifest, running: Manifest) -> Model | None:
    """One of `target` with the version of one that runs, though it is another archive; or that of a release in which no
    model has another version."""
    pairs = list(zip(target.models, running.models, strict=True))
    same = [(new, old) for new, old in pairs if new.model.version == old.model.version]
    for new, old in same:
        if new.sha256(new.model.archive) != old.sha256(old.model.archive):
            return new.model
    return target.model if len(same) == len(pairs) else None


def more_than_the_model(target: Manifest, running: Manifest) -> str:
    """What differs besides the model and what belongs to it; "" when nothing does."""
    if target.runtime_id != running.runtime_id:
        return "the runtime changes"
    names, before = ([one.model.name for one in each.models] for each in (target, running))
    if names != before:
        return f"the models change from {', '.join(before)} to {', '.join(names)}"
    for new, old in zip(target.models, running.models, strict=True):
        if new.server.workers != old.server.workers:
            return f"the workers change from {old.server.workers} to {new.server.workers}"
    if replace(target.server, workers=0) != replace(running.server, workers=0):
        return "the way the server is started changes"
    for role, name in (("config", "the configuration"), ("unit", "the systemd unit"), ("program", "the program")):
        if {(p.path, p.sha256) for p in target.of_role(role)} != {(p.path, p.sha256) for p in running.of_role(role)}:
            return f"{name} changes"
    return ""
