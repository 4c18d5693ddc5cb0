"""What has to be so before a tuning begins, and what it begins with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import psutil

from common.errors import KitError, UsageError
from common.words import count
from kit.bench.load import pictures as bench_pictures
from kit.build import default_build_root
from kit.console import step
from kit.machine import CPUINFO, Machine, processor_flags
from kit.model import runtimes
from kit.model.pictures.choosing import suffixes
from kit.model.precision import precisions
from kit.model.precision.hardware import why_slow
from kit.model.precision.precisions import PRECISIONS
from kit.serving import state
from kit.serving.launch import RunFolder
from kit.tune.fingerprint import fingerprint
from kit.tune.journal import Journal
from kit.tune.search.hill_climb import Search
from kit.tune.search.objective import Goal
from kit.tune.search.space import Space, space
from kit.tune.trial import profile_settings
from kit.tune.trial.executor import Executor

# The search's share of the grid, and the most it takes of a large one, where its gain is used up long before.
SHARE = 0.2
MOST_POINTS = 40
FEWEST_POINTS = 4
USER_PICTURES = 20
BUSY = 0.25


@dataclass(frozen=True)
class Prepared:
    search: Search
    journal: Journal


def check_alone() -> None:
    """Raises KitError when a server of this build folder runs: it would share the cores."""
    for file in sorted(default_build_root().glob("*/run/server.json")):
        if server := state.running(RunFolder(file.parent)):
            profile = file.parent.parent.name
            raise KitError(
                f"a server runs (profile {profile}, pid {server.pid}): beside it every figure would be wrong",
                f"stop it while you tune: make stop PROFILE={profile}",
            )


def note_load() -> None:
    """Say so when something else is at work."""
    used = psutil.cpu_percent(interval=0.5) / 100
    if used > BUSY:
        step(f"note: the machine is busy ({used:.0%} of its cores), so the figures will be worse than they need be")


def load_pictures(asked: str, folder: Path) -> tuple[list[Path], str]:
    """What the clients send, and in words: the user's PICTURES, evenly chosen, or the reference photograph."""
    if not asked:
        chosen = bench_pictures.choose(bench_pictures.REFERENCE_ONLY, folder)
        return list(chosen.files), chosen.description
    found = sorted(path for path in Path(asked).rglob("*") if path.suffix.lower() in suffixes())
    if not found:
        raise UsageError(f"PICTURES={asked} holds no picture", "PICTURES=<a folder of photographs>")
    taken = found[:: math.ceil(len(found) / USER_PICTURES)]
    kilobytes = sum(path.stat().st_size for path in taken) / len(taken) / 1000
    return taken, f"{count(len(taken), 'photograph')} of {asked}, {kilobytes:.0f} kB on average"


def described(machine: Machine) -> str:
    gpus = ", ".join(machine.gpus) or "no GPU"
    return f"{machine.processor}, {count(machine.cores, 'core')}, {machine.memory_total >> 20} MB of memory, {gpus}"


def explore(executor: Executor) -> Space:
    """Make an export in every precision that is worth it, and lay out what there is to choose from.

    Raises KitError when not even the profile's own precision can be had.
    """
    machine = executor.machine
    default = profile_settings.default_of(executor.base, machine)
    runtime = precisions.of(executor.base).runtime
    gpus = executor.base.gpus(machine)
    flags = processor_flags(CPUINFO.read_text())
    usable = []
    for name in PRECISIONS:
        # int8 kernels are for processors, and export refuses them to a profile that asks for a GPU.
        why_not = "a GPU serves" if gpus and name == "int8" else why_slow(name, machine.gpus[:gpus], flags)
        if name not in runtimes.PRECISIONS[runtime]:
            why_not = f"{runtimes.TITLES[runtime]} does not run it"
        if why_not and name != default.precision:
            step(f"{name} is left out: {why_not}")
            continue
        step(f"a model in {name}")
        if failure := executor.exports.make(name):
            if name == default.precision:
                raise KitError(f"the profile's own precision cannot be exported: {failure}", "make export")
            step(f"{name} is left out: {failure}")
            continue
        usable.append(name)
    return space(machine, gpus, tuple(usable), default)


def budget_of(asked: int, grid: int) -> int:
    """How many configurations the search may look at. Raises UsageError for too few."""
    if asked and asked < FEWEST_POINTS:
        raise UsageError(f"BUDGET={asked} is too few configurations to compare", f"BUDGET={FEWEST_POINTS} or more")
    return min(grid, asked or max(FEWEST_POINTS, min(MOST_POINTS, int(grid * SHARE))))


def prepare(executor: Executor, goal: Goal, budget: int) -> Prepared:
    choices = explore(executor)
    search = Search(choices, goal, budget_of(budget, len(choices.candidates)))
    return Prepared(search, Journal(executor.folders.journal, fingerprint(executor, choices.precisions)))
