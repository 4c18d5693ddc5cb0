"""Step times recorded from real roll-outs, and what is drawn from them.

step_times.json: {"recorded": how and where, "changes": {how: [{step: seconds}]}, "prepare": [seconds], "release":
[seconds], "take_back": [seconds]}. `python -m benchmarks.fleet_scale record ROLLOUT.jsonl…` writes it.
"""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import json_lines
from kit.files import read_json

FILE = Path(__file__).with_name("step_times.json")
# On a link of the simulation's own; what was recorded came over loopback or a bridge.
SENDING = "send"


@dataclass(frozen=True)
class StepTimes:
    """Seconds. `changes` are whole changes by how they were done, less the time to send; the others single jobs."""

    recorded: str
    changes: Mapping[str, Sequence[float]]
    prepare: Sequence[float]
    take_back: Sequence[float]
    release: Sequence[float]

    def change(self, how: str, chance: random.Random) -> float:
        return drawn(self.changes[how], chance)


def drawn(samples: Sequence[float], chance: random.Random) -> float:
    """One of them, up to a tenth quicker or slower, so that few samples do not all end at the same instant."""
    return chance.choice(samples) * chance.uniform(0.9, 1.1)


def read(file: Path = FILE) -> StepTimes:
    document = read_json(file)
    changes = {
        how: [sum(seconds for step, seconds in steps.items() if step != SENDING) for steps in samples]
        for how, samples in document["changes"].items()
    }
    # A take-back is a restart with nothing sent, where none was recorded.
    take_back = document["take_back"] or changes["restart"]
    return StepTimes(document["recorded"], changes, document["prepare"], take_back, document["release"])


def collect(files: Iterable[Path], recorded: str) -> dict[str, Any]:
    """The document, from roll-outs' own records."""
    changes: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    single: defaultdict[str, list[float]] = defaultdict(list)
    for file in files:
        before: dict[str, dict[str, float]] = {}
        for event in json_lines.read(file):
            if event["event"] == "resume":  # a new process counts from nothing
                before.clear()
            elif event["event"] == "box":
                steps = since(before.get(event["box"], {}), event["steps"])
                before[event["box"]] = event["steps"]
                if (event["ended"], event["kind"]) == ("change", "changed"):
                    changes[event["how"]].append(steps)
                elif (event["ended"], event["kind"]) in (("prepare", "ready"), ("take back", "taken back")):
                    single[event["ended"]].append(round(sum(steps.values()), 2))
    # An unlock is one connection, as renewing the lock is.
    locks = [steps["lock"] for samples in changes.values() for steps in samples]
    return {
        "recorded": recorded,
        "changes": dict(changes),
        "prepare": single["prepare"],
        "take_back": single["take back"],
        "release": [round(statistics.median(locks), 2)],
    }


def since(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """What a job added to its box's seconds."""
    added = {step: round(seconds - before.get(step, 0.0), 2) for step, seconds in now.items()}
    return {step: seconds for step, seconds in added.items() if seconds > 0}
