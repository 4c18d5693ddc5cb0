"""Exports a model in every precision that this machine can run, and measures what each is good for.

Accuracy and agreement are the export's own, through its gate. Speed and memory are the model's alone, without
decoding and without a server. The precisions take turns in every repeat, so that whatever disturbs the machine
disturbs all of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from common.errors import KitError
from kit.build import PROJECT, Build
from kit.console import step
from kit.files import read_json
from kit.machine import CPUINFO, Machine, processor_flags
from kit.model.precision import hardware
from kit.model.precision.precisions import PRECISIONS
from kit.precisions.crew import Crew, crew
from kit.profiles import Profile


def compare(profile: Profile, machine: Machine, repeats: int, folder: Path) -> dict[str, Any]:
    """What precisions.json holds. `folder` is for the exports. Raises KitError when not even fp32 can be exported."""
    flags = processor_flags(CPUINFO.read_text())
    rows: list[dict[str, Any]] = []
    for name in PRECISIONS:
        slow = hardware.why_slow(name, machine.gpus, flags)
        rows.append({"precision": name, "left_out": slow} if slow else exported(profile, name, folder))
        if rows[0]["left_out"]:
            raise KitError(rows[0]["left_out"], "make export PRECISION=fp32")
    measure([row for row in rows if not row["left_out"]], profile, machine, repeats, folder)
    return {"profile": profile.name, "processes": _processes(machine), "repeats": repeats, "precisions": rows}


def exported(profile: Profile, name: str, folder: Path) -> dict[str, Any]:
    """An export in a process of its own, as a user makes it."""
    step(f"exporting in {name}")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.export", "--json"],
        cwd=PROJECT,
        env={**os.environ, "PROFILE": str(profile.folder), "PRECISION": name, "BUILD": str(folder / name)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return {"precision": name, "left_out": said(done.stderr)}
    report = json.loads(done.stdout)
    measured = report["comparison"]
    return {
        "precision": name,
        "left_out": "",
        "accuracy": measured["top1_accuracy"],
        "accuracy_drop": measured["top1_accuracy_drop"],
        "agreement": measured["top1_agreement"],
        "pictures": measured["pictures"],
        "size": report["model"]["size"],
        "quantization": report["quantization"],
        "file": report["model"]["file"],
    }


def said(stderr: str) -> str:
    """The error in a command's words, without its hint."""
    _, found, text = stderr.partition("error: ")
    return text.partition("  hint:")[0].strip() if found else stderr.strip()[-500:]


def measure(rows: Sequence[dict[str, Any]], profile: Profile, machine: Machine, repeats: int, folder: Path) -> None:
    """Adds `memory` in bytes, and `latency` in ms and `images_per_second`, each with its median and all repeats."""
    builds = {row["precision"]: Build(folder / row["precision"] / profile.name) for row in rows}

    models = {row["precision"]: builds[row["precision"]].model(row["file"]) for row in rows}

    def at_work(name: str) -> AbstractContextManager[Crew]:
        crop = read_json(builds[name].preprocessing)["crop"]
        return crew(models[name], crop, _processes(machine), len(machine.gpus))

    for row in rows:
        with at_work(row["precision"]) as alone:  # others would share torch's own memory with it
            row["memory"] = round(alone.memory())
    with ExitStack() as stack:
        crews = {name: stack.enter_context(at_work(name)) for name in builds}
        for figure, take in (("latency", Crew.latency), ("images_per_second", Crew.images_per_second)):
            taken = in_turns(crews, take, figure, repeats)
            for row in rows:
                row[figure] = summary(taken[row["precision"]])


def in_turns(
    crews: dict[str, Crew], take: Callable[[Crew], float], figure: str, repeats: int
) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in crews}
    for repeat in range(repeats):
        step(f"measuring {figure.replace('_', ' ')}, {repeat + 1} of {repeats}")
        for name, measured in crews.items():
            taken[name].append(take(measured))
    return taken


def summary(figures: Sequence[float]) -> dict[str, Any]:
    return {
        "median": round(statistics.median(figures), 2),
        "low": round(min(figures), 2),
        "high": round(max(figures), 2),
        "repeats": [round(figure, 2) for figure in figures],
    }


def _processes(machine: Machine) -> int:
    return len(machine.gpus) or machine.cores
